import { threadCpuMs } from '../../lib/fake/cpuTime.ts';
import { deviceCapacity } from './capacity.ts';
import { readDevices } from './deviceList.ts';
import { inOrder } from './inventory.ts';
import { MAX_DEVICES, MAX_ID_BYTES } from './limits.ts';
import { combineSettings } from './runOptions.ts';
import { byNode, idsOf, nodesById, podDevices } from './state.ts';

const answer = (more: object) => ({ envs: {}, mounts: [], devices: [], annotations: {}, cdiDevices: [], ...more });

test('of what several plug-ins answer the first counts; what they disagree on is said, and no value with it', () => {
  const mount = { hostPath: '/a', containerPath: '/in', readOnly: false };
  const device = { hostPath: '/dev/a', containerPath: '/dev/x', permissions: 'r' };
  const { settings, conflicts } = combineSettings([
    {
      resource: 'a/a',
      response: answer({
        envs: { SAME: '1', OTHER: 'secret-1' },
        mounts: [mount],
        devices: [device],
        annotations: { a: '1' },
        cdiDevices: [{ name: 'x' }, { name: 'x' }],
      }),
    },
    {
      resource: 'b/b',
      response: answer({
        envs: { SAME: '1', OTHER: 'secret-2', NEW: '3' },
        mounts: [{ ...mount, hostPath: '/b' }],
        devices: [{ ...device, hostPath: '/dev/b' }],
        annotations: { a: '2' },
        cdiDevices: [{ name: 'x' }, { name: 'y' }],
      }),
    },
  ]);
  expect(settings).toEqual({
    env: [
      { name: 'SAME', value: '1' },
      { name: 'OTHER', value: 'secret-1' },
      { name: 'NEW', value: '3' },
    ],
    mounts: [{ hostPath: '/a', containerPath: '/in', readonly: false, propagation: 'PROPAGATION_PRIVATE' }],
    devices: [{ hostPath: '/dev/a', containerPath: '/dev/x', permissions: 'r' }],
    annotations: { a: '1' },
    cdiDevices: ['x', 'y'],
  });
  expect(conflicts).toEqual([
    'variable "OTHER" of b/b conflicts with another plug-in\'s',
    'device "/dev/x" of b/b conflicts with another plug-in\'s',
    'mount "/in" of b/b conflicts with another plug-in\'s',
    'annotation "a" of b/b conflicts with another plug-in\'s',
  ]);
});

test('a list of devices is bounded; only the exact word is healthy', () => {
  const said = (ID: string, health = 'Healthy', nodes: string[] = []) => ({
    ID,
    health,
    topology: { nodes: nodes.map((node) => ({ ID: node })) },
  });
  const { devices, leftOut } = readDevices([
    said('a', 'Healthy', ['1', '1', '-1', '99999999999999999999']),
    said('b', 'healthy'),
    { ID: 'c', health: 'Healthy', topology: null },
    said('x'.repeat(MAX_ID_BYTES + 1)),
  ]);
  expect([...devices.values()]).toEqual([
    { id: 'a', healthy: true, nodes: [1] },
    { id: 'b', healthy: false, nodes: [] },
    { id: 'c', healthy: true, nodes: [] },
  ]);
  expect(leftOut).toBe(`1 whose id is longer than ${MAX_ID_BYTES} bytes`);
  const many = readDevices(Array.from({ length: MAX_DEVICES + 3 }, (_, i) => said(String(i))));
  expect([many.devices.size, many.leftOut]).toEqual([MAX_DEVICES, `3 of more than ${MAX_DEVICES}`]);
});

test('ids by node, as the checkpoint has them', () => {
  const { devices } = readDevices([
    { ID: 'a', health: 'Healthy', topology: { nodes: [{ ID: '0' }, { ID: '1' }] } },
    { ID: 'b', health: 'Healthy', topology: null },
  ]);
  const nodes = byNode(['a', 'b'], devices);
  expect(nodes).toEqual({ '0': ['a'], '1': ['a'], '-1': ['b'] });
  expect(idsOf(nodes)).toEqual(['a', 'b']);
  expect(nodesById(nodes)).toEqual(new Map([['a', [0, 1]]]));
});

test('a device that its plug-in does not name counts as healthy', () => {
  const assignments = [
    { container: 'c', resource: 'b/b', ids: ['2', '1'], idsByNode: {}, answer: new Uint8Array() },
    { container: 'c', resource: 'a/a', ids: ['x'], idsByNode: {}, answer: new Uint8Array() },
  ];
  const known = new Map([['1', { id: '1', healthy: false, nodes: [] }]]);
  expect(podDevices(assignments, (resource) => (resource === 'b/b' ? known : undefined))).toEqual({
    c: [
      { resource: 'a/a', devices: [{ id: 'x', healthy: true }] },
      {
        resource: 'b/b',
        devices: [
          { id: '1', healthy: false },
          { id: '2', healthy: true },
        ],
      },
    ],
  });
});

test('a container may be called as what every object inherits', () => {
  const assignments = [
    { container: 'constructor', resource: 'a/a', ids: ['x'], idsByNode: {}, answer: new Uint8Array() },
  ];
  const held = [{ resource: 'a/a', devices: [{ id: 'x', healthy: true }] }];
  expect(podDevices(assignments, () => undefined)).toEqual({ constructor: held });
});

test('what is removed is 0, unless it is there again', () => {
  const inventory = new Map([['a/a', new Map([['1', { id: '1', healthy: false, nodes: [] }]])]]);
  expect(deviceCapacity(inventory, ['b/b', 'a/a'])).toEqual({
    capacity: { 'a/a': '1' },
    allocatable: { 'a/a': '0' },
    removed: ['b/b'],
  });
});

test('ids in the order that people count in', () => {
  expect(inOrder(['gpu-10', 'gpu-9', 'gpu', 'a', 'gpu-9b', '10', '9'])).toEqual([
    '9',
    '10',
    'a',
    'gpu',
    'gpu-9',
    'gpu-9b',
    'gpu-10',
  ]);
});

test('ids are in an order that people expect', () => {
  expect(inOrder(['dev-10', 'dev-2', 'dev-02', 'a', 'dev-', 'dev-0', '9', '10', 'dev-2-b10', 'dev-2-b9'])).toEqual([
    ...['9', '10', 'a', 'dev-', 'dev-0', 'dev-02', 'dev-2', 'dev-2-b9', 'dev-2-b10', 'dev-10'],
  ]);
});

test('thousands of ids that are as long and as full of numbers as they may be are put in order soon', () => {
  const ids = Array.from({ length: 4_000 }, (_, i) => 'a1'.repeat(500) + ((i * 7919) % 4_000));
  const began = threadCpuMs();
  expect(inOrder(ids)).toHaveLength(4_000);
  expect(threadCpuMs() - began).toBeLessThan(1_500);
});
