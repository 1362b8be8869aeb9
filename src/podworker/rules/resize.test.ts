import type { PodResources, ResourceRequirements } from '../../types/k8s.ts';
import type { PodFacts } from './facts.ts';
import type { PodMemory } from './memory.ts';
import { box, ended, later, starts, turn, under, whys } from './testing.ts';

const cpu = (amount: string): ResourceRequirements => ({ requests: { cpu: amount } });
const resources = (amount: string): PodResources => ({ containers: { a: cpu(amount) } });
const limits = { cpuShares: 1024, cpuQuota: -1, cpuPeriod: 100_000 };
const specOf = (amount: string) => ({
  restartPolicy: 'Always',
  containers: [{ name: 'a', image: 'img', resources: cpu(amount) }],
});
const running = [box('a', 'running')];
const at = (facts: Partial<PodFacts>, memory: Partial<PodMemory> = {}, amount = '1') =>
  turn(
    specOf(amount),
    running,
    { actuated: resources('1'), podCgroup: { resources: resources('1'), limits }, ...facts },
    memory,
  );
const conditions = (decision: ReturnType<typeof at>) =>
  (decision.status?.conditions ?? []).filter(({ type }) => type.startsWith('PodResize'));
const events = (decision: ReturnType<typeof at>) => decision.events.map(({ reason }) => reason);
const wish = { wanted: resources('2') };

test('a wish is put to the ledger, once every source was heard', () => {
  expect(starts(at({ resize: wish }))).toEqual(['allocate ledger']);
  expect(starts(at({ resize: wish, sourcesReady: false }))).toEqual([]);
  expect(whys(at({ resize: wish }))).toEqual(['Allocating']);
});

test('what is deferred is told once a generation, and not asked again', () => {
  const resize = { ...wish, answer: { state: 'deferred', message: 'no room', generation: 3 } as const };
  const first = at({ resize });
  expect(starts(first)).toEqual([]);
  expect(events(first)).toEqual(['ResizeDeferred']);
  expect(conditions(first)).toMatchObject([{ type: 'PodResizePending', reason: 'Deferred', observedGeneration: 3 }]);
  const again = at({ resize: { ...resize, answer: { ...resize.answer, message: 'less room' } } }, first.memory);
  expect(events(again)).toEqual([]);
  expect(conditions(again)).toMatchObject([{ message: 'less room' }]);
  const newer = at({ resize: { ...resize, answer: { ...resize.answer, generation: 4 } } }, first.memory);
  expect(events(newer)).toEqual(['ResizeDeferred']);
});

test('a question that nobody wants answered any more is taken back', () => {
  const decision = at({ resizeWithdrawn: true });
  expect(decision.start).toMatchObject([{ kind: 'allocate', wanted: resources('1') }]);
});

test('what is allocated and not carried out is; a failure is told, and tried again in its time', () => {
  const granted = { resizeGranted: { number: 1, generation: 2 } };
  const first = at(granted, {}, '2');
  expect(starts(first)).toEqual(['resizePod resize']);
  expect(events(first)).toEqual(['ResizeStarted']);
  expect(conditions(first)).toMatchObject([{ type: 'PodResizeInProgress', observedGeneration: 2 }]);
  const failed = ended({ kind: 'resizePod', slot: 'resize', wanted: resources('2') }, { message: 'refused' });
  const second = at({ ...granted, slots: { resize: failed } }, first.memory, '2');
  expect([starts(second), events(second)]).toEqual([[], ['ResizeError']]);
  expect(conditions(second)).toMatchObject([{ reason: 'Error', message: 'refused', observedGeneration: 2 }]);
  const third = at({ ...granted, slots: { resize: failed } }, second.memory, '2');
  expect(events(third)).toEqual([]);
  // Another allocation does not wait for the failures of the one before, and is not called failed.
  const other = at({ resizeGranted: { number: 2, generation: 3 }, slots: { resize: failed } }, third.memory, '3');
  expect(starts(other)).toEqual(['resizePod resize']);
  expect(conditions(other)[0]?.reason).toBeUndefined();
});

test('it is over when all is carried out and the action has looked at it, not a turn earlier', () => {
  const first = at({ resizeGranted: { number: 1, generation: 2 } }, {}, '2');
  const done = { actuated: resources('2'), podCgroup: { resources: resources('2'), limits } };
  const resize = under({ kind: 'resizePod', slot: 'resize', wanted: resources('2') });
  const busy = at({ ...done, resizeGranted: { number: 1, generation: 2 }, slots: { resize } }, first.memory, '2');
  expect([events(busy), conditions(busy)]).toMatchObject([[], [{ type: 'PodResizeInProgress' }]]);
  const over = at({ ...done, resizeGranted: { number: 1, generation: 2 } }, busy.memory, '2');
  expect([events(over), conditions(over)]).toEqual([['ResizeCompleted'], []]);
});

test('a container is not made before the cgroup of its Pod is set for it, unless that has failed', () => {
  const spec = specOf('2');
  const facts = { podCgroup: { resources: resources('1'), limits }, actuated: resources('1') };
  const images = {
    kind: 'ensureImage',
    slot: 'image/a',
    container: 'a',
    image: 'img',
    policy: 'IfNotPresent',
    attempt: 0,
  } as const;
  const held = turn(spec, [], { ...facts, slots: { 'image/a': ended(images) } });
  expect(starts(held)).toEqual(['resizePod resize']);
  const failed = ended({ kind: 'resizePod', slot: 'resize', wanted: resources('2') }, { message: 'refused' });
  const on = turn(spec, [], { ...facts, slots: { 'image/a': ended(images), resize: failed } });
  expect(starts(on)).toContain('createContainer a');
});

test('a container that must restart for it is stopped before the rest of the resize is done', () => {
  const policy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
  const spec = { ...specOf('2'), containers: [{ ...specOf('2').containers[0]!, resizePolicy: policy }] };
  const facts = { podCgroup: { resources: resources('1'), limits }, actuated: resources('1') };
  const first = turn(spec, running, facts);
  expect(starts(first)).toEqual(['stopContainer a-0']);
  const stopped = turn(spec, [box('a', 'exited', { exitCode: 0, finishedAt: later(0).wall })], facts, first.memory);
  expect(starts(stopped)).toEqual(['resizePod resize', 'ensureImage a']);
  expect(conditions(stopped)).toMatchObject([{ type: 'PodResizeInProgress' }]);
});
