import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import { amountOf } from '../../k8s/resourceAmounts.ts';
import { Random } from '../../lib/fake/random.ts';
import type { PodCgroupLimits } from '../../pods/facts.ts';
import type { ResourceRequirements } from '../../types/k8s.ts';
import { resizeSteps } from './resizeSteps.ts';
import type { ContainerWork } from './resizeWork.ts';

const both = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});
const limits = (cpu: number, memory: number): PodCgroupLimits => ({
  cpuShares: cpu,
  cpuQuota: cpu * 100,
  cpuPeriod: 100_000,
  memory,
});
const work = (name: string, from: ResourceRequirements | undefined, to: ResourceRequirements): ContainerWork => ({
  id: `${name}-id`,
  name,
  to,
  ...(from && { from }),
});
/** `pod memory=5`, `c cpu`. */
const inShort = (list: readonly ContainerWork[], current: PodCgroupLimits, wanted: ResourceConfig) =>
  resizeSteps(list, current, wanted).flatMap((step) => {
    if (step.kind === 'done') return [];
    if (step.kind === 'container') return [`${step.name} ${step.resources.join(' ')}`];
    return [
      `pod ${Object.entries(step.set)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
    ];
  });

const rows: [string, ContainerWork[], PodCgroupLimits, ResourceConfig, string[]][] = [
  [
    'what grows: the Pod before its containers; a container at once',
    [work('c', both('100m', '10'), both('200m', '20'))],
    limits(100, 10),
    limits(200, 20),
    ['pod memory=20', 'pod cpuQuota=20000 cpuPeriod=100000 cpuShares=200', 'c memory cpu'],
  ],
  [
    'what shrinks: the containers before the Pod',
    [work('c', both('200m', '20'), both('100m', '10'))],
    limits(200, 20),
    limits(100, 10),
    ['c memory cpu', 'pod cpuQuota=10000 cpuPeriod=100000 cpuShares=100', 'pod memory=10'],
  ],
  [
    'memory grows and CPU shrinks: each in its turn',
    [work('c', both('200m', '10'), both('100m', '20'))],
    limits(200, 10),
    limits(100, 20),
    ['pod memory=20', 'c cpu', 'c memory', 'pod cpuQuota=10000 cpuPeriod=100000 cpuShares=100'],
  ],
  [
    'containers that shrink come before those that grow',
    [
      work('grows', both('100m', '10'), both('200m', '20')),
      work('shrinks', both('200m', '20'), both('100m', '10')),
      work('less', { requests: { cpu: '2' } }, { requests: { cpu: '1' } }),
    ],
    limits(300, 30),
    limits(300, 30),
    ['shrinks memory cpu', 'less cpu', 'grows memory cpu'],
  ],
  [
    'what nobody knows is set whole',
    [work('c', undefined, both('100m', '10'))],
    limits(100, 10),
    limits(100, 10),
    ['c memory cpu'],
  ],
  ['a limit that is not to be any more stays', [], limits(100, 10), { cpuShares: 100 }, []],
  [
    'a first limit is less than none: it comes after the containers',
    [work('c', { requests: { cpu: '1' } }, { requests: { cpu: '1' }, limits: { cpu: '2' } })],
    { cpuShares: 1024, cpuQuota: -1, cpuPeriod: 100_000 },
    { cpuShares: 1024, cpuQuota: 200_000, cpuPeriod: 100_000 },
    ['c cpu', 'pod cpuQuota=200000 cpuPeriod=100000'],
  ],
  ['the Pod alone', [], limits(100, 10), limits(100, 20), ['pod memory=20']],
];
test.each(rows)('%s', (_name, list, current, wanted, steps) => expect(inShort(list, current, wanted)).toEqual(steps));

test('while CPU shrinks, memory that is to grow is as it was', () => {
  const steps = resizeSteps([work('c', both('2', '10'), both('1', '20'))], limits(100, 20), limits(100, 20));
  expect(steps).toMatchObject([
    { kind: 'container', resources: ['cpu'], after: { limits: { cpu: '1', memory: '10' } } },
    { kind: 'container', resources: ['memory'], after: { limits: { cpu: '1', memory: '20' } } },
    { kind: 'done' },
    { kind: 'done' },
  ]);
});

test.each(Array.from({ length: 200 }, (_, seed) => seed))(
  'at no step have the containers more than their Pod, and in the end all is as wanted: %i',
  (seed) => {
    const random = new Random(seed);
    const amounts = () => both(`${random.pick(50, 100, 200, 400, 800)}m`, String(random.pick(10, 20, 40, 80)));
    const all = Array.from({ length: random.pick(1, 2, 3, 4) }, (_, i) => work(`c${i}`, amounts(), amounts()));
    const sum = (lists: readonly ResourceRequirements[], name: 'cpu' | 'memory') =>
      lists.reduce((total, list) => total + Number(amountOf(list.limits, name)) / (name === 'cpu' ? 1e6 : 1e9), 0);
    const whole = (lists: readonly ResourceRequirements[]) => limits(sum(lists, 'cpu'), sum(lists, 'memory'));
    const to = whole(all.map((one) => one.to));
    let pod = whole(all.map((one) => one.from!));
    const now = new Map(all.map((one) => [one.name, one.from!]));
    for (const step of resizeSteps(all, pod, to)) {
      if (step.kind === 'cgroup') pod = { ...pod, ...step.set };
      if (step.kind === 'container') now.set(step.name, step.after);
      expect(sum([...now.values()], 'cpu') * 100).toBeLessThanOrEqual(pod.cpuQuota);
      expect(sum([...now.values()], 'memory')).toBeLessThanOrEqual(pod.memory!);
    }
    expect(pod).toEqual(to);
    expect([...now.values()]).toEqual(all.map((one) => one.to));
  },
);
