import { threadCpuMs } from '../../lib/fake/cpuTime.ts';
import { Random } from '../../lib/fake/random.ts';
import { type DeviceHint, deviceHints, type HintRequest } from './hints.ts';
import type { Device, DeviceList } from './inventory.ts';

const list = (...texts: readonly string[]): DeviceList =>
  new Map(
    texts.map((text): [string, Device] => {
      const [id = '', nodes] = text.split('@');
      return [id, { id, healthy: true, nodes: nodes ? nodes.split('+').map(Number) : [] }];
    }),
  );
/** Masks in binary, `!` for the preferred ones. */
const short = (hints: readonly DeviceHint[] | undefined) =>
  hints?.map(({ nodes, preferred }) => nodes.toString(2) + (preferred ? '!' : '')).join(' ');

const two = list('0@0', '1@0', '2@1', '3@1');
const request = (more: Partial<HintRequest> = {}): HintRequest => ({ count: 1, machineNodes: [0, 1], ...more });

test.each<[string, DeviceList, readonly string[], HintRequest, string | undefined]>([
  ['no device names a node', list('0', '1'), [], request(), undefined],
  ['one of either node', two, [], request(), '1! 10! 11'],
  ['two of either node', two, [], request({ count: 2 }), '1! 10! 11'],
  ['three need both', two, [], request({ count: 3 }), '11!'],
  ['more than there are', two, [], request({ count: 5 }), ''],
  [
    'what is taken makes a node impossible, but not less preferred',
    two,
    ['0', '1', '2'],
    request({ count: 1 }),
    '10! 11',
  ],
  ['the smallest set counts all devices, taken ones too', two, ['0', '2'], request({ count: 2 }), '11'],
  ['a device of two nodes', list('0@0+1', '1@1'), [], request({ count: 2 }), '10! 11'],
  ['nodes without devices are not looked at', list('0@1'), [], request({ machineNodes: [0, 1, 2, 3] }), '10!'],
  ['nodes that the machine does not have are ignored', list('0@0', '1@9'), [], request(), '1!'],
  ['what it has is all that is hinted at', two, ['0', '1', '2', '3'], request({ held: ['2'] }), '10! 11'],
  ['it has another number', two, [], request({ held: ['2', '3'] }), ''],
  ['what an init container left must be in it', two, ['2'], request({ reusable: new Set(['2']) }), '10! 11'],
  [
    'kubelet’s order: smaller sets first',
    list('0@0', '1@1', '2@2'),
    [],
    request({ machineNodes: [0, 1, 2] }),
    '1! 10! 100! 11 101 110 111',
  ],
])('%s', (_name, devices, taken, asked, expected) => {
  expect(short(deviceHints(devices, new Set(taken), asked))).toBe(expected);
});

test('every hint can be had: enough free devices lie on its nodes', () => {
  const random = new Random(3);
  const below = (n: number) => random.int(n);
  for (let round = 0; round < 1000; round++) {
    const devices = list(...Array.from({ length: 1 + below(9) }, (_, i) => `${i}@${below(4)}`));
    const taken = new Set([...devices.keys()].filter(() => below(3) === 0));
    const count = 1 + below(4);
    for (const { nodes } of deviceHints(devices, taken, { count, machineNodes: [0, 1, 2, 3] }) ?? []) {
      const on = [...devices.values()].filter((d) => !taken.has(d.id) && (nodes >> d.nodes[0]!) & 1);
      expect(on.length).toBeGreaterThanOrEqual(count);
    }
  }
});

test('thousands of devices on as many nodes as are looked at are weighed soon', () => {
  const ids = Array.from(
    { length: 16_384 },
    (_, i) => [`d${i}`, { id: `d${i}`, healthy: true, nodes: [i % 16] }] as const,
  );
  const began = threadCpuMs();
  const hints = deviceHints(new Map(ids), new Set(), { count: 3, machineNodes: [...Array(16).keys()] });
  expect(hints?.filter(({ preferred }) => preferred)).toHaveLength(16);
  expect(threadCpuMs() - began).toBeLessThan(1_500);
});
