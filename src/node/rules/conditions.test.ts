import type { NodeCondition } from '../../types/k8s.ts';
import { testFacts } from '../fake/facts.ts';
import type { NodeStatusFacts } from '../types.ts';
import { nodeConditions } from './conditions.ts';

const NOW = '2026-11-21T18:00:00Z';
const LATER = '2026-11-21T18:00:10Z';

describe('conditions', () => {
  const input = (
    facts: Partial<NodeStatusFacts> = {},
    now = NOW,
    capacity = { cpu: '4', memory: '1Gi', pods: '1', 'ephemeral-storage': '1' },
  ) => ({
    nodeName: 'node-1',
    facts: { ...testFacts, ...facts },
    capacity,
    localStorageIsolation: true,
    now,
  });
  const readyOf = (conditions: readonly NodeCondition[]) => conditions.find(({ type }) => type === 'Ready');

  test('of a healthy node, in kubelet order and words', () => {
    const { value, events } = nodeConditions([], input());
    const times = { lastHeartbeatTime: NOW, lastTransitionTime: NOW };
    expect(value).toEqual([
      {
        type: 'MemoryPressure',
        status: 'False',
        reason: 'KubeletHasSufficientMemory',
        message: 'kubelet has sufficient memory available',
        ...times,
      },
      {
        type: 'DiskPressure',
        status: 'False',
        reason: 'KubeletHasNoDiskPressure',
        message: 'kubelet has no disk pressure',
        ...times,
      },
      {
        type: 'PIDPressure',
        status: 'False',
        reason: 'KubeletHasSufficientPID',
        message: 'kubelet has sufficient PID available',
        ...times,
      },
      { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status', ...times },
    ]);
    expect(events!.map(({ message }) => message)).toEqual([
      'Node node-1 status is now: NodeHasSufficientMemory',
      'Node node-1 status is now: NodeHasNoDiskPressure',
      'Node node-1 status is now: NodeHasSufficientPID',
    ]);
  });

  test('only the heartbeat moves while nothing changes; foreign conditions stay', () => {
    const foreign = { type: 'NetworkUnavailable', status: 'False', lastHeartbeatTime: NOW };
    const first = [foreign, ...nodeConditions([], input()).value];
    const { value, events } = nodeConditions(first, input({}, LATER));
    expect(events).toEqual([]);
    expect(value).toEqual([foreign, ...first.slice(1).map((one) => ({ ...one, lastHeartbeatTime: LATER }))]);
  });

  test('pressure comes and goes', () => {
    const first = nodeConditions([], input()).value;
    const pressed = nodeConditions(first, input({ pressure: { memory: true, disk: true, pid: true } }, LATER));
    expect(pressed.value.map(({ reason }) => reason)).toEqual([
      'KubeletHasInsufficientMemory',
      'KubeletHasDiskPressure',
      'KubeletHasInsufficientPID',
      'KubeletReady',
    ]);
    expect(pressed.value[0]).toMatchObject({ lastTransitionTime: LATER });
    expect(pressed.events!.map(({ reason }) => reason)).toEqual([
      'NodeHasInsufficientMemory',
      'NodeHasDiskPressure',
      'NodeHasInsufficientPID',
    ]);
  });

  test.each<[string, Partial<NodeStatusFacts>, string]>([
    [
      'one sentence stands alone',
      { runtime: { ...testFacts.runtime, errors: ['container runtime is down'] } },
      'container runtime is down',
    ],
    [
      'several are listed once each',
      {
        runtime: {
          ...testFacts.runtime,
          errors: ['container runtime is down'],
          networkErrors: ['network state unknown'],
        },
        notReady: ['node is shutting down', 'node is shutting down'],
      },
      '[container runtime is down, network state unknown, node is shutting down]',
    ],
    [
      'warnings are added',
      { notReady: ['CSINode is not yet initialized'], warnings: ['no cpu cgroup'] },
      'CSINode is not yet initialized. WARNING: no cpu cgroup',
    ],
  ])('NotReady says why: %s', (_name, facts, message) => {
    const before = nodeConditions([], input()).value;
    const { value, events } = nodeConditions(before, input(facts, LATER));
    expect(readyOf(value)).toMatchObject({
      status: 'False',
      reason: 'KubeletNotReady',
      message,
      lastTransitionTime: LATER,
    });
    expect(events!.map(({ reason }) => reason)).toEqual(['NodeNotReady']);
    expect(nodeConditions(value, input({}, LATER)).events!.map(({ reason }) => reason)).toEqual(['NodeReady']);
  });

  test('missing capacity', () => {
    const { value } = nodeConditions([], { ...input(), capacity: { cpu: '1', memory: '1' } });
    expect(readyOf(value)?.message).toBe('missing node capacity for resources: pods, ephemeral-storage');
  });
});
