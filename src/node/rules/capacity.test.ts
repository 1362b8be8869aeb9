import { testFacts, testSettings } from '../fake/facts.ts';
import type { MachineFacts, NodeSettings } from '../types.ts';
import { formatBytes, formatMilli } from './amounts.ts';
import { nodeAllocatable, nodeCapacity, reservationProblem } from './capacity.ts';

describe('capacity and allocatable', () => {
  const both = (
    settings: Partial<NodeSettings>,
    machine: Partial<MachineFacts> = {},
    existing: Record<string, string> = {},
  ) => {
    const all = { ...testSettings, ...settings };
    const facts = { ...testFacts.machine, ...machine };
    const capacity = nodeCapacity(existing, facts, all);
    return { capacity, allocatable: nodeAllocatable(existing, capacity, facts, all) };
  };

  test('without reservations both are the machine', () => {
    const own = { cpu: '4', memory: '8Gi', 'ephemeral-storage': '61255492Ki', pods: '110' };
    expect(both({})).toEqual({ capacity: own, allocatable: own });
  });

  test('reservations and hard eviction, to the byte as kubelet', () => {
    const settings = {
      kubeReserved: { cpu: '80m', memory: '1Gi', 'example.com/x': '5' },
      systemReserved: { memory: '100Mi', 'ephemeral-storage': '1Gi' },
      evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%', 'imagefs.available': '15%' },
    };
    expect(both(settings, { rootfsBytes: 61255492 * 1024 }).allocatable).toEqual({
      cpu: '3920m',
      memory: '6968Mi',
      'ephemeral-storage': String(61255492 * 1024 - 6272562474 - 2 ** 30),
      pods: '110',
    });
  });

  test('10 % of a disk is what a Go kubelet reports', () => {
    expect(both({ evictionHard: { 'nodefs.available': '10%' } }).allocatable['ephemeral-storage']).toBe('56453061334');
  });

  test('never below 0, and less the huge pages', () => {
    expect(both({ kubeReserved: { cpu: '5', memory: '1Ti' } }).allocatable).toMatchObject({ cpu: '0', memory: '0' });
    const { capacity, allocatable } = both(
      { kubeReserved: { memory: '1Gi' } },
      { hugePages: { 2097152: 2 ** 30, 1073741824: 0 } },
    );
    expect(capacity).toMatchObject({ 'hugepages-2Mi': '1Gi', 'hugepages-1Gi': '0' });
    expect(allocatable).toMatchObject({ memory: '6Gi', 'hugepages-2Mi': '1Gi' });
  });

  test('the resources of others stay; podsPerCore bounds the Pods', () => {
    expect(both({ podsPerCore: 10 }, {}, { 'example.com/x': '7' })).toMatchObject({
      capacity: { 'example.com/x': '7', pods: '40' },
      allocatable: { 'example.com/x': '7', pods: '40' },
    });
    const capacity = nodeCapacity({}, testFacts.machine, { ...testSettings, localStorageIsolation: false });
    expect(nodeAllocatable({ 'gone.com/x': '1' }, capacity, testFacts.machine, testSettings)).not.toHaveProperty(
      'gone.com/x',
    );
  });

  test('device plugins', () => {
    const devices = { capacity: { 'd.com/a': '4' }, allocatable: { 'd.com/a': '3' }, removed: ['d.com/b'] };
    const capacity = nodeCapacity({ 'd.com/b': '2' }, testFacts.machine, testSettings, devices);
    expect(capacity).toMatchObject({ 'd.com/a': '4', 'd.com/b': '0' });
    expect(nodeAllocatable({}, capacity, testFacts.machine, testSettings, devices)).toMatchObject({
      'd.com/a': '3',
      'd.com/b': '0',
    });
  });

  test.each([
    [0n, '0'],
    [1023n, '1023'],
    [1024n, '1Ki'],
    [3n * 2n ** 30n, '3Gi'],
    [2n ** 70n, '1024Ei'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test('cores', () => {
    expect([formatMilli(4000n), formatMilli(3920n)]).toEqual(['4', '3920m']);
  });
});

describe('reservations', () => {
  const problem = (settings: Partial<NodeSettings>) =>
    reservationProblem(testFacts.machine, { ...testSettings, ...settings });

  test('that the machine can keep are no problem, up to all of it', () => {
    expect(problem({})).toBeUndefined();
    expect(problem({ kubeReserved: { cpu: '1' }, systemReserved: { cpu: '3', 'example.com/x': '9' } })).toBeUndefined();
  });

  test('of more than the machine has are refused in kubelet’s words, evictionHard counted', () => {
    expect(problem({ kubeReserved: { cpu: '2' }, systemReserved: { cpu: '2001m' } })).toBe(
      'invalid Node Allocatable configuration. Resource "cpu" has a reservation of 4001m but capacity of 4. Expected capacity >= reservation.',
    );
    expect(problem({ kubeReserved: { memory: '8Gi' }, evictionHard: { 'memory.available': '100Mi' } })).toMatch(
      /"memory" has a reservation of 8292Mi but capacity of 8Gi/,
    );
  });
});
