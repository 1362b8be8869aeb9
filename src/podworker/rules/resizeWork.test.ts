import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import { podViews } from '../../pods/rules/views.ts';
import type { AllocatedPod, Container, PodSpec, ResourceRequirements } from '../../types/k8s.ts';
import { containersToResize, isUnfinished, podDiffers, restartsForResize, unrecorded } from './resizeWork.ts';
import { box, factsOf, podOf, runtime } from './testing.ts';

const cpu = (amount: string): ResourceRequirements => ({ requests: { cpu: amount } });
const c = (resources: ResourceRequirements, more: Partial<Container> = {}): Container => ({
  name: 'c',
  image: 'img',
  resources,
  ...more,
});
const of = (spec: Partial<PodSpec>): AllocatedPod => podOf({ containers: [], ...spec });
const facts = (pod: AllocatedPod, actuated: Record<string, ResourceRequirements> | undefined, state = 'running') =>
  factsOf(pod, {
    runtime: runtime([box('c', state as 'running', { resources: { cpuShares: 512, memoryLimitBytes: 100 } })]),
    ...(actuated && { actuated: { containers: actuated } }),
  });

const rows: [string, Container, Record<string, ResourceRequirements> | undefined, string, boolean][] = [
  ['one that has what is allocated', c(cpu('1')), { c: cpu('1000m') }, 'running', false],
  ['one that has something else', c(cpu('2')), { c: cpu('1') }, 'running', true],
  ['one that is not running: it is made anew', c(cpu('2')), { c: cpu('1') }, 'exited', false],
  ['one whose resources nobody knows', c(cpu('2')), undefined, 'running', true],
  [
    'one without a record that has what is allocated',
    c({ ...cpu('500m'), limits: { memory: '100' } }),
    undefined,
    'running',
    false,
  ],
  [
    'one without a record that has another weight',
    c({ ...cpu('600m'), limits: { memory: '100' } }),
    undefined,
    'running',
    true,
  ],
  [
    'one without a record that is to be bounded',
    c({ ...cpu('500m'), limits: { cpu: '1', memory: '100' } }),
    undefined,
    'running',
    true,
  ],
  [
    'one without a record that has another limit',
    c({ ...cpu('500m'), limits: { memory: '101' } }),
    undefined,
    'running',
    true,
  ],
  ['another resource than CPU and memory', c({ limits: { x: '2' } }), { c: { limits: { x: '1' } } }, 'running', false],
];
test.each(rows)('%s', (_name, container, actuated, state, due) => {
  const pod = of({ containers: [container] });
  expect(containersToResize(facts(pod, actuated, state), pod).length > 0).toBe(due);
});

const policy = (resourceName: string, restartPolicy = 'RestartContainer') => ({
  resizePolicy: [{ resourceName, restartPolicy }],
});
const both = (cpus: string, memory: string): ResourceRequirements => ({ requests: { cpu: cpus, memory } });
const restarts: [string, Container, ResourceRequirements | undefined, boolean][] = [
  ['the resource that demands it changes', c(both('2', '1'), policy('cpu')), both('1', '1'), true],
  ['only another changes', c(both('2', '1'), policy('memory')), both('1', '1'), false],
  ['nothing is demanded', c(both('2', '1'), policy('cpu', 'NotRequired')), both('1', '1'), false],
  [
    'nothing is demanded of a container whose resources nobody knows',
    c(both('2', '1'), policy('cpu')),
    undefined,
    false,
  ],
];
test.each(restarts)('%s', (_name, container, actuated, restart) => {
  const pod = of({ containers: [container] });
  const known = facts(pod, actuated && { c: actuated });
  expect(restartsForResize(known, pod, podViews(known, pod).main[0]!)).toBe(restart);
  expect(containersToResize(known, pod)).toHaveLength(restart ? 0 : 1);
});

test("the Pod's limit counts for a container that has none", () => {
  const before = of({ containers: [c({})], resources: { limits: { cpu: '1' } } });
  const actuated = { c: { limits: { cpu: '1' } } };
  expect(containersToResize(facts(before, actuated), before)).toEqual([]);
  const after = of({ containers: [c({})], resources: { limits: { cpu: '2' } } });
  expect(containersToResize(facts(after, actuated), after)).toMatchObject([{ to: { limits: { cpu: '2' } } }]);
});

test('a Pod as a whole is unfinished while its record says something else; its cgroup while it was set for something else', () => {
  const pod = of({ containers: [c({})], resources: cpu('2') });
  const known = { ...facts(pod, {}), actuated: { containers: {}, pod: cpu('1') } };
  expect([isUnfinished(known, pod), podDiffers(known, pod)]).toEqual([true, true]);
  const done = { ...known, actuated: { containers: { c: {} }, pod: cpu('2') } };
  expect([isUnfinished(done, pod), podDiffers(done, pod)]).toEqual([false, false]);
  const limits = { cpuShares: 2, cpuQuota: -1, cpuPeriod: 100_000 };
  expect(podDiffers({ ...done, podCgroup: { limits } }, pod)).toBe(true);
  const resources = { containers: {}, pod: cpu('2') };
  expect(podDiffers({ ...done, podCgroup: { limits, resources } }, allocatedAsAsked(pod))).toBe(false);
});

test('what runs without a record and has what is allocated is written down, so that a later resize knows what it changes', () => {
  const own = { ...cpu('500m'), limits: { memory: '100' } };
  const pod = of({ containers: [c(own)] });
  expect(unrecorded(facts(pod, undefined), pod)).toEqual({ c: own });
  expect(unrecorded(facts(pod, { c: own }), pod)).toEqual({});
  expect(unrecorded(facts(pod, undefined, 'exited'), pod)).toEqual({});
  const other = of({ containers: [c(cpu('1'))] });
  expect(unrecorded(facts(other, undefined), other)).toEqual({});
  const silent = { ...facts(other, undefined), runtime: runtime([box('c', 'running')]) };
  expect(containersToResize(silent, other)).toEqual([]);
});

test('on CPUs of its own a container needs no bound, on those that it shares with its Pod it does', () => {
  const pod = of({ containers: [c({ ...cpu('500m'), limits: { cpu: '1', memory: '100' } })] });
  const on = (pooled: string[]) => ({ ...facts(pod, undefined), cpus: { shared: '0', own: { c: '1' }, pooled } });
  expect(containersToResize(on([]), pod)).toEqual([]);
  expect(containersToResize(on(['c']), pod)).toHaveLength(1);
});

test('a Pod is unfinished while a container of which nothing is written down has other resources by the runtime’s word', () => {
  const pod = of({ containers: [c(cpu('1'))] });
  expect(isUnfinished(facts(pod, undefined), pod)).toBe(true);
  const own = of({ containers: [c({ ...cpu('500m'), limits: { memory: '100' } })] });
  expect(isUnfinished(facts(own, undefined), own)).toBe(false);
});
