import { explainNode } from './explain.ts';
import { nodeWhyText } from './rules/whyNode.ts';
import { TestNode } from './testing/testNode.ts';

const GI = 2 ** 30;
const HARD_MEMORY = { evictionHard: { 'memory.available': '1Gi' } };
const HARD_DISK = { evictionHard: { 'nodefs.available': '10%' } };

test('memory: the condition comes, the largest above its request goes, alone, and the next look comes when it is gone', async () => {
  using node = new TestNode(HARD_MEMORY);
  node.pod('small', { memory: 1 * GI });
  node.pod('large', { memory: 9 * GI, containers: { c: { requests: { memory: '2Gi' }, memory: 9 * GI } } });
  await node.start();
  expect([node.pressure.conditions, node.asked()]).toEqual([[], {}]);
  node.memory(0.5);
  await node.clock.advanceAsync(10_000);
  expect(node.pressure.conditions).toEqual(['MemoryPressure']);
  const message =
    'The node was low on resource: memory. Threshold quantity: 1Gi, available: 512Mi. ' +
    'Container c was using 9Gi, request is 2Gi, has larger consumption of memory. ';
  const condition = { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message };
  expect(node.asked()).toEqual({
    large: [{ cause: 'evicted', graceSeconds: 1, reason: 'Evicted', message, condition }],
  });
  expect(node.events).toEqual([`large Evicted: ${message}`]);
  expect(node.annotations).toEqual([
    { offending_containers: 'c', offending_containers_usage: '9Gi', starved_resource: 'memory' },
  ]);
  expect(node.nodeEvents).toEqual([
    { type: 'Warning', reason: 'EvictionThresholdMet', message: 'Attempting to reclaim memory' },
  ]);
  // Still short, but the Pod is not gone yet: nobody else goes.
  await node.clock.advanceAsync(29_000);
  expect(Object.keys(node.asked())).toEqual(['large']);
  node.memory(9);
  node.gone('large');
  await node.clock.advanceAsync(2_000);
  expect(node.asked()).toEqual({});
  expect(node.pressure.conditions).toEqual(['MemoryPressure']); // evictionPressureTransitionPeriod
  await node.clock.advanceAsync(300_000);
  expect(node.pressure.conditions).toEqual([]);
  expect(await node.metrics.text()).toMatch(/kubelet_evictions\{eviction_signal="memory.available"\} 1\n/);
  expect(await node.metrics.text()).toMatch(
    /kubelet_eviction_stats_age_seconds_count\{eviction_signal="memory.available"\} 1\n/,
  );
});

test('a Pod that does not end within 30 s does not keep the next one, and is not asked twice', async () => {
  using node = new TestNode(HARD_MEMORY);
  node.pod('first', { memory: 2 * GI });
  node.pod('second', { memory: 1 * GI });
  node.memory(0.5);
  await node.start();
  expect(Object.keys(node.asked())).toEqual(['first']);
  await node.clock.advanceAsync(31_500);
  expect(node.owners.get('first')?.ends.length).toBe(1);
  expect(node.owners.get('second')?.ends.length).toBe(1);
});

test('nobody is ended before every source has reported; conditions are told already', async () => {
  using node = new TestNode(HARD_MEMORY);
  node.pod('web', { memory: GI });
  node.memory(0.5);
  await node.keeper.start();
  await node.clock.advanceAsync(60_000);
  expect([node.pressure.conditions, node.asked()]).toEqual([['MemoryPressure'], {}]);
  expect(node.keeper.doing).toMatch(/waits until every source/);
  node.keeper.allowEvictions();
  await node.clock.advanceAsync(0);
  expect(Object.keys(node.asked())).toEqual(['web']);
});

test('soft: within its grace only the condition; then the Pod has its own grace up to evictionMaxPodGracePeriod; a hard one shortens it', async () => {
  using node = new TestNode({
    ...HARD_MEMORY,
    evictionSoft: { 'memory.available': '2Gi' },
    softGraceMs: { 'memory.available': 60_000 },
    maxGraceSeconds: 45,
  });
  node.pod('own', { memory: 5 * GI, spec: { terminationGracePeriodSeconds: 20 } });
  node.memory(1.5);
  await node.start();
  await node.clock.advanceAsync(55_000);
  expect([node.pressure.conditions, node.asked()]).toEqual([['MemoryPressure'], {}]);
  await node.clock.advanceAsync(6_000);
  expect(node.owners.get('own')?.ends.map((e) => e.graceSeconds)).toEqual([20]);
  node.memory(0.5);
  await node.clock.advanceAsync(42_000);
  expect(node.owners.get('own')?.ends.map((e) => e.graceSeconds)).toEqual([20, 1]);
});

test('critical Pods, ended ones and those of which nothing runs are left alone', async () => {
  using node = new TestNode(HARD_MEMORY);
  node.pod('static', { memory: 9 * GI, annotations: { 'kubernetes.io/config.source': 'file' } });
  node.pod('system', { memory: 9 * GI, priority: 2_000_001_000 });
  node.pod('over', { memory: 9 * GI }).entry = { ...node.owners.get('over')!.entry, phase: 'Cleaning' };
  node.pod('waits', { memory: 9 * GI }).entry = { ...node.owners.get('waits')!.entry, observed: null };
  node.memory(0.5);
  await node.start();
  await node.clock.advanceAsync(20_000);
  expect(node.asked()).toEqual({});
  expect(node.keeper.doing).toBe('no Pod is left that could be ended for memory');
});

describe('disk: what nobody uses goes first', () => {
  const fill = (node: TestNode) => {
    node.pod('web', { volumes: [{ name: 'v', emptyDir: {}, used: 40 * GI }] });
    node.disk(5);
  };

  test('and the space is waited for: a disk that is full of images ends nobody', async () => {
    using node = new TestNode(HARD_DISK);
    node.unused = { containers: 2, images: 3, bytes: 30 * GI, freesAfterMs: 8_000 };
    fill(node);
    await node.start();
    expect(node.removed).toEqual(['containers', 'images']);
    await node.clock.advanceAsync(60_000);
    expect([node.asked(), node.pressure.conditions]).toEqual([{}, ['DiskPressure']]);
    expect(node.logged.join('\n')).toContain('enough was freed without ending a Pod');
    expect(node.keeper.doing).toBe('nothing is starved');
  });

  test('but not for ever: 10 s at a hard threshold', async () => {
    using node = new TestNode(HARD_DISK);
    node.unused = { containers: 0, images: 1, bytes: 30 * GI, freesAfterMs: 60_000 };
    fill(node);
    await node.start();
    await node.clock.advanceAsync(9_900);
    expect(node.asked()).toEqual({});
    await node.clock.advanceAsync(200);
    expect(Object.keys(node.asked())).toEqual(['web']);
  });

  test('nothing to remove: nothing to wait for', async () => {
    using node = new TestNode(HARD_DISK);
    fill(node);
    await node.start();
    expect([node.removed, Object.keys(node.asked())]).toEqual([['containers', 'images'], ['web']]);
  });

  test('a removal that fails half-way is said, and what it freed counts', async () => {
    using node = new TestNode(HARD_DISK);
    node.removalProblem = new Error('an image is in use');
    node.unused = { containers: 0, images: 1, bytes: 30 * GI, freesAfterMs: 0 };
    fill(node);
    await node.start();
    await node.clock.advanceAsync(100);
    expect(node.logged.join('\n')).toMatch(/could not remove all unused images.*an image is in use/);
    expect(node.asked()).toEqual({});
    node.disk(5);
    await node.clock.advanceAsync(10_000);
    expect(Object.keys(node.asked())).toEqual(['web']);
  });

  test('what is not enough, with the minimum reclaim, costs a Pod', async () => {
    using node = new TestNode({ ...HARD_DISK, evictionMinimumReclaim: { 'nodefs.available': '20Gi' } });
    node.unused = { containers: 0, images: 1, bytes: 10 * GI, freesAfterMs: 0 };
    fill(node);
    await node.start();
    await node.clock.advanceAsync(11_000);
    expect(Object.keys(node.asked())).toEqual(['web']);
  });

  test('another signal that is starved as well does not cost a Pod for the disk', async () => {
    using node = new TestNode({ evictionHard: { 'nodefs.available': '10%', 'pid.available': '100' } });
    node.unused = { containers: 0, images: 1, bytes: 30 * GI, freesAfterMs: 0 };
    fill(node);
    const tasks = { max: 1000, running: 950 };
    node.state = { ...node.state, readings: { ...node.state.readings, tasks } };
    await node.start();
    await node.clock.advanceAsync(3_000);
    expect(node.events).toEqual([expect.stringMatching(/^web Evicted: The node was low on resource: pids\./)]);
  });

  test('a Pod of which nothing runs at the moment holds its volumes, and may go for them', async () => {
    using node = new TestNode(HARD_DISK);
    fill(node);
    const { entry } = node.owners.get('web')!;
    const exited = { ...entry.observed!.containers[0]!, state: 'exited' as const };
    node.owners.get('web')!.entry = { ...entry, observed: { ...entry.observed!, containers: [exited] } };
    await node.start();
    expect(Object.keys(node.asked())).toEqual(['web']);
  });

  test('while the runtime does not say what was written nobody is chosen blindly', async () => {
    using node = new TestNode(HARD_DISK);
    node.measureProblem = new Error('the runtime is away');
    fill(node);
    await node.start();
    expect([node.asked(), node.keeper.doing]).toEqual([{}, 'failed: the runtime is away']);
    node.measureProblem = undefined;
    await node.clock.advanceAsync(10_000);
    expect(Object.keys(node.asked())).toEqual(['web']);
  });

  test('nor before it has said where its files are', async () => {
    using node = new TestNode(HARD_DISK);
    fill(node);
    node.state = { ...node.state, layout: undefined };
    await node.start();
    await node.clock.advanceAsync(60_000);
    expect([node.asked(), node.pressure.conditions]).toEqual([{}, ['DiskPressure']]);
  });
});

describe('limits of Pods', () => {
  const full = { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' }, used: 2 * GI }] };
  test('every Pod above its own goes at once, without a condition, before thresholds are looked at', async () => {
    using node = new TestNode({ ...HARD_MEMORY, localLimits: true });
    node.pod('a', full);
    node.pod('b', full);
    node.pod('within', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '3Gi' }, used: 2 * GI }] });
    node.memory(0.5);
    await node.start();
    const end = {
      cause: 'evicted',
      graceSeconds: 1,
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "v" exceeds the limit "1Gi". ',
    };
    expect(node.asked()).toEqual({ a: [end], b: [end] });
    expect(await node.metrics.text()).toMatch(/kubelet_evictions\{eviction_signal="emptydirfs.limit"\} 2\n/);
  });

  test('critical Pods stay; without localStorageCapacityIsolation all do', async () => {
    using node = new TestNode({ localLimits: true });
    node.pod('system', { ...full, priority: 2_000_000_000 });
    await node.start();
    using off = new TestNode({ localLimits: false });
    off.pod('web', full);
    await off.start();
    expect([node.asked(), off.asked(), off.measured]).toEqual([{}, {}, 0]);
  });

  test('they are measured every 10 s, also while looks come faster', async () => {
    using node = new TestNode({ ...HARD_MEMORY, localLimits: true });
    node.pod('web', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '3Gi' }, used: 2 * GI }] });
    await node.start();
    const before = { reads: node.reads, measured: node.measured };
    for (let gi = 13; gi > 1.1; gi -= 0.4) {
      node.memory(gi);
      await node.clock.advanceAsync(1_000);
    }
    expect(node.reads - before.reads).toBeGreaterThanOrEqual(5);
    expect(node.measured - before.measured).toBeLessThanOrEqual(3);
  });
});

test('without thresholds and limits nothing is looked at', async () => {
  using node = new TestNode({});
  await node.start();
  node.keeper.remember(['DiskPressure']);
  await node.clock.advanceAsync(60_000);
  expect([node.reads, node.clock.pending, node.pressure.conditions]).toEqual([0, 0, []]);
});

test('figures that cannot be are said once and not acted on', async () => {
  using node = new TestNode(HARD_MEMORY);
  node.pod('web', { memory: GI });
  node.memory(-3);
  await node.start();
  await node.clock.advanceAsync(40_000);
  expect([node.asked(), node.pressure.conditions]).toEqual([{}, []]);
  expect(node.logged.filter((line) => line.includes('figures that cannot be'))).toHaveLength(1);
});

test('conditions of an earlier process are told on, and admission hears of each change', async () => {
  using node = new TestNode(HARD_MEMORY);
  const heard: string[] = [];
  node.pressure.onChange(() => heard.push(node.pressure.conditions.join()));
  await node.start();
  node.keeper.remember(['DiskPressure']);
  await node.clock.advanceAsync(299_000);
  expect(node.pressure.conditions).toEqual(['DiskPressure']);
  await node.clock.advanceAsync(20_000);
  expect(heard).toEqual(['DiskPressure', '']);
});

test('a failed look is said and is no busy loop; disposing ends it', async () => {
  const node = new TestNode(HARD_MEMORY);
  Object.defineProperty(node, 'state', {
    get: () => {
      throw new Error('no /proc');
    },
    configurable: true,
  });
  await node.start();
  const { reads } = node;
  await node.clock.advanceAsync(60_000);
  expect(node.reads - reads).toBeLessThanOrEqual(7);
  expect(node.keeper.doing).toBe('failed: no /proc');
  node[Symbol.dispose]();
  await node.clock.advanceAsync(0);
  expect(node.clock.pending).toBe(0);
});

test('why --node: the figures beside the thresholds, the order, the next one', async () => {
  using node = new TestNode({
    ...HARD_MEMORY,
    evictionSoft: { 'memory.available': '2Gi' },
    softGraceMs: { 'memory.available': 90_000 },
  });
  node.pod('static', { memory: 3 * GI, annotations: { 'kubernetes.io/config.source': 'file' } });
  node.pod('web', { memory: 2 * GI, containers: { c: { requests: { memory: '1Gi' } } } });
  node.pod('within', { memory: GI / 2, priority: 3, containers: { c: { requests: { memory: '1Gi' } } } });
  node.memory(1.5);
  await node.start();
  await node.clock.advanceAsync(5_000);
  const { pressure, keeper, evictor, clock } = node;
  const { text, json } = await explainNode({ nodeName: 'node-1', pressure, keeper, evictor, clock });
  expect(text).toBe(nodeWhyText(json));
  expect(text.split('\n')).toEqual([
    'node-1 has MemoryPressure: nothing is starved.',
    'Its figures are 5 s old.',
    '  - memory.available: 1.5Gi of 16Gi; hard below 1Gi; soft below 2Gi for 90 s, crossed since 5 s',
    'If Pods had to go for memory (memory.available), this would be their order:',
    '  1. ns/static takes 3Gi, priority 0; critical, never ended for pressure',
    '  2. ns/web takes 2Gi and asked for 1Gi, priority 0',
    '  3. ns/within takes 512Mi and asked for 1Gi, priority 3 (within its request)',
    'Next would be ns/web.',
    '',
  ]);
  expect(json).toMatchObject({ conditions: ['MemoryPressure'], order: { next: 'ns/web' } });
});

test('a kernel that says a hundred times a second that memory is short is heard five times a second', async () => {
  using node = new TestNode(HARD_MEMORY);
  await node.start();
  const before = node.reads;
  for (let i = 0; i < 100; i++) {
    node.keeper.wake();
    await node.clock.advanceAsync(10);
  }
  expect(node.reads - before).toBeGreaterThanOrEqual(4);
  expect(node.reads - before).toBeLessThanOrEqual(6);
});

test('a runtime whose removals never end does not keep Pods that starve the node', async () => {
  using node = new TestNode(HARD_DISK);
  node.unused = { containers: 0, images: 1, bytes: 0, freesAfterMs: 0 };
  node.removalHangs = true;
  node.pod('web', { containers: { c: { disk: 5 * GI } } } as never);
  node.disk(1);
  await node.start();
  expect(node.asked()).toEqual({});
  await node.clock.advanceAsync(61_000);
  expect(Object.keys(node.asked())).toEqual(['web']);
});

test('who ends by itself while Pods are measured has given its share back: nobody goes in its place', async () => {
  using node = new TestNode(HARD_MEMORY);
  node.pod('large', { memory: 9 * GI });
  node.pod('small', { memory: 1 * GI });
  node.memory(0.5);
  node.whileMeasuring = () => {
    node.whileMeasuring = () => {};
    node.gone('large');
    node.memory(9);
  };
  await node.start();
  await node.clock.advanceAsync(10_000);
  expect(node.asked()).toEqual({});
  expect(node.events).toEqual([]);
});
