import { Random } from '../../lib/fake/random.ts';
import type { Pod } from '../../types/k8s.ts';
import type { Affinity } from './affinity.ts';
import { chooseDevices } from './choose.ts';
import type { Device, DeviceList } from './inventory.ts';
import { type Assigned, planPod } from './planPod.ts';
import { type DeviceContainerKind, type DeviceRequest, deviceRequests } from './requests.ts';

const GPU = 'vendor.example/gpu';
/** `0@1`: device 0 on NUMA node 1; `0!`: not healthy. */
const list = (...texts: readonly string[]): DeviceList =>
  new Map(
    texts.map((text): [string, Device] => {
      const [id = '', nodes] = text.replace('!', '').split('@');
      return [id, { id, healthy: !text.endsWith('!'), nodes: nodes ? nodes.split('+').map(Number) : [] }];
    }),
  );
const wish = (container: string, count: number, kind: DeviceContainerKind = 'main'): DeviceRequest => ({
  container,
  kind,
  resource: GPU,
  count,
});
interface Wishes {
  readonly devices?: DeviceList;
  readonly taken?: readonly string[];
  readonly assigned?: readonly Assigned[];
  readonly affinity?: Affinity;
}
const plan = (requests: readonly DeviceRequest[], more: Wishes = {}) =>
  planPod({
    uid: 'u',
    requests,
    inventory: new Map(more.devices ? [[GPU, more.devices]] : []),
    takenByOthers: () => new Set(more.taken ?? []),
    assigned: more.assigned ?? [],
    affinity: () => more.affinity,
  });
/** `main=0,1 …`, or the sentence. */
const short = (result: ReturnType<typeof plan>) =>
  'error' in result ? result.error : result.plan.map(({ container, ids }) => `${container}=${ids.join()}`).join(' ');

const four = list('0', '1', '2', '3');
const numa = list('0@0', '1@0', '2@1', '3@1', '4');
const had = (container: string, ...ids: string[]): Assigned => ({ container, resource: GPU, ids });

test.each<[string, readonly DeviceRequest[], Wishes, string]>([
  ['gives the first by name, as people count', [wish('a', 2)], { devices: list('d10', 'd9', 'd1') }, 'a=d1,d9'],
  ['gives nobody what is taken', [wish('a', 2)], { devices: four, taken: ['0', '2'] }, 'a=1,3'],
  ['gives nobody what is not well', [wish('a', 1)], { devices: list('0!', '1') }, 'a=1'],
  ['gives main containers different ones', [wish('a', 1), wish('b', 2)], { devices: four }, 'a=0 b=1,2'],
  [
    'an init container leaves its devices to those after it',
    [wish('i', 2, 'init'), wish('a', 1), wish('b', 1)],
    { devices: list('0', '1') },
    'i=0,1 a=0 b=1',
  ],
  [
    'init containers share theirs, and the largest counts',
    [wish('i', 1, 'init'), wish('j', 3, 'init'), wish('a', 2)],
    { devices: list('0', '1', '2') },
    'i=0 j=0,1,2 a=0,1',
  ],
  [
    'a sidecar keeps its own, also of what an init container left',
    [wish('i', 1, 'init'), wish('s', 1, 'sidecar'), wish('j', 1, 'init'), wish('a', 1)],
    { devices: four },
    'i=0 s=0 j=1 a=1',
  ],
  [
    'too few are said in kubelet’s words, less what is left by init containers',
    [wish('i', 1, 'init'), wish('a', 4)],
    { devices: list('0', '1', '2') },
    `requested number of devices unavailable for ${GPU}. Requested: 3, Available: 2`,
  ],
  ['nobody registered it', [wish('a', 1)], {}, `cannot allocate unregistered device ${GPU}`],
  [
    'nothing is well',
    [wish('a', 1)],
    { devices: list('0!') },
    `no healthy devices present; cannot allocate unhealthy devices ${GPU}`,
  ],
  ['nothing is asked for', [wish('a', 0)], { devices: four }, ''],
  ['what it had is kept', [wish('a', 2)], { devices: four, assigned: [had('a', '1', '3')] }, ''],
  [
    'what it had is not well any more',
    [wish('a', 1)],
    { devices: list('0!', '1'), assigned: [had('a', '0')] },
    `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${GPU}`,
  ],
  [
    'it had another number',
    [wish('a', 2)],
    { devices: four, assigned: [had('a', '0')] },
    `pod "u" container "a" changed request for resource "${GPU}" from 1 to 2`,
  ],
  [
    'what an init container had before is still left to a later one',
    [wish('i', 1, 'init'), wish('a', 1)],
    { devices: list('0'), assigned: [had('i', '0')] },
    'a=0',
  ],
  ['the wanted node comes first', [wish('a', 2)], { devices: numa, affinity: [1] }, 'a=2,3'],
  ['then other nodes, then none', [wish('a', 5)], { devices: numa, affinity: [1] }, 'a=2,3,0,1,4'],
  ['without a hint nodes are nothing', [wish('a', 1)], { devices: numa }, 'a=0'],
])('%s', (_name, requests, more, expected) => expect(short(plan(requests, more))).toBe(expected));

test.each<[string, Parameters<typeof chooseDevices>[0], string[], string]>([
  [
    'among the aligned, when they are more than enough',
    {
      resource: GPU,
      required: 1,
      devices: numa,
      taken: new Set(),
      reusable: new Set(),
      affinity: [1],
      preferred: ['0', '3'],
    },
    ['3'],
    '{"available":["2","3"],"mustInclude":[],"size":1}',
  ],
  [
    'among all, when the aligned do not suffice; those are a must',
    {
      resource: GPU,
      required: 3,
      devices: numa,
      taken: new Set(),
      reusable: new Set(),
      affinity: [1],
      preferred: ['4'],
    },
    ['2', '3', '4'],
    '{"available":["0","1","2","3","4"],"mustInclude":["2","3"],"size":3}',
  ],
  [
    'with what init containers left as a must',
    {
      resource: GPU,
      required: 2,
      devices: four,
      taken: new Set(['1']),
      reusable: new Set(['1']),
      affinity: undefined,
      preferred: ['3', '3', '1', 'x'],
    },
    ['1', '3'],
    '{"available":["0","1","2","3"],"mustInclude":["1"],"size":2}',
  ],
])('a plug-in is asked %s', (_name, choice, ids, question) => {
  const chosen = chooseDevices(choice);
  expect('ids' in chosen && chosen.ids).toEqual(ids);
  expect('ids' in chosen && JSON.stringify(chosen.question)).toBe(question);
});

test('a plug-in is not asked where nothing is open', () => {
  const choice = { resource: GPU, devices: numa, taken: new Set<string>(), reusable: new Set(['0']), affinity: [1] };
  expect(chooseDevices({ ...choice, required: 1 })).toEqual({ ids: ['0'] });
  expect(chooseDevices({ ...choice, reusable: new Set(), required: 2 })).toEqual({ ids: ['2', '3'] });
});

test('wishes are the limits, in order, without what comes from DRA', () => {
  const limits = (amount: string) => ({ resources: { limits: { [GPU]: amount, cpu: '1', 'other.example/x': '1' } } });
  const pod = {
    spec: {
      initContainers: [
        { name: 'i', ...limits('1') },
        { name: 's', restartPolicy: 'Always', ...limits('2') },
      ],
      containers: [
        { name: 'a', ...limits('3') },
        { name: 'b', ...limits('4') },
      ],
    },
    status: {
      extendedResourceClaimStatus: {
        resourceClaimName: 'c',
        requestMappings: [{ containerName: 'b', resourceName: GPU, requestName: 'r' }],
      },
    },
  } as Pod;
  expect(deviceRequests(pod, (resource) => resource === GPU)).toEqual([
    wish('i', 1, 'init'),
    wish('s', 2, 'sidecar'),
    wish('a', 3),
  ]);
});

test('whatever is asked for: enough, well, nobody else’s, and no device twice at the same time', () => {
  const random = new Random(7);
  const below = (n: number) => random.int(n);
  let given = 0;
  for (let round = 0; round < 3000; round++) {
    const devices = list(
      ...Array.from({ length: below(8) }, (_, i) => `${i}${below(2) ? `@${below(3)}` : ''}${below(6) ? '' : '!'}`),
    );
    const taken = new Set([...devices.keys()].filter(() => below(4) === 0));
    const inits = Array.from({ length: below(4) }, (_, i) => wish(`i${i}`, below(4), below(2) ? 'init' : 'sidecar'));
    const mains = Array.from({ length: 1 + below(3) }, (_, i) => wish(`m${i}`, below(4)));
    const requests = [...inits, ...mains];
    const preferred = { container: `m0`, resource: GPU, ids: [...devices.keys()].filter(() => below(2) === 0) };
    const result = planPod({
      uid: 'u',
      requests,
      inventory: new Map([[GPU, devices]]),
      takenByOthers: () => taken,
      assigned: [],
      affinity: () => (below(2) ? undefined : [below(3)]),
      ...(below(2) && { preferred }),
    });
    if ('error' in result) continue;
    given += 1;
    const of = (name: string) => result.plan.find(({ container }) => container === name)?.ids ?? [];
    for (const { container, count } of requests) {
      const ids = of(container);
      expect(new Set(ids).size).toBe(count);
      for (const id of ids) {
        expect(devices.get(id)?.healthy).toBe(true);
        expect(taken.has(id)).toBe(false);
      }
    }
    // An init container is over before anything after it begins.
    for (const [i, one] of requests.entries())
      for (const other of requests.slice(i + 1))
        if (one.kind !== 'init') for (const id of of(one.container)) expect(of(other.container)).not.toContain(id);
  }
  expect(given).toBeGreaterThan(500);
});
