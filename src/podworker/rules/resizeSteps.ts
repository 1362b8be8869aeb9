import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import { amountOf } from '../../k8s/resourceAmounts.ts';
import type { PodCgroupLimits } from '../../pods/facts.ts';
import { differsIn, type Resizable, withResource } from '../../pods/rules/actuation.ts';
import type { ResourceRequirements } from '../../types/k8s.ts';
import type { ContainerWork } from './resizeWork.ts';

/** One step of a resize. `after`: how the Pod's cgroup, or the container, stands when it is done. */
export type ResizeStep =
  | {
      readonly kind: 'cgroup';
      readonly resource: Resizable;
      readonly set: ResourceConfig;
      readonly after: PodCgroupLimits;
    }
  | {
      readonly kind: 'container';
      readonly resources: readonly Resizable[];
      readonly id: string;
      readonly name: string;
      readonly after: ResourceRequirements;
    }
  /** Everything of this resource is carried out: for the record of the Pod as a whole. */
  | { readonly kind: 'done'; readonly resource: Resizable };

const RESOURCES = ['memory', 'cpu'] as const;

/**
 * The steps of a resize in their order (KEP-1287). What grows, grows in the Pod's cgroup first; then what shrinks of containers, then
 * what grows of them; what shrinks, shrinks in the Pod's cgroup last. So no container is ever allowed more than its Pod, which the kernel
 * would refuse. Memory and CPU of a container that go the same way are one call to the runtime, which is where most of a resize's time
 * goes. A limit that the Pod is not to have any more stays.
 */
export function resizeSteps(
  work: readonly ContainerWork[],
  current: PodCgroupLimits,
  wanted: ResourceConfig,
): ResizeStep[] {
  const changes = [
    ...memoryChange(current, wanted).map((change) => ({ ...change, resource: 'memory' as const })),
    ...cpuChanges(current, wanted).map((change) => ({ ...change, resource: 'cpu' as const })),
  ];
  let at = current;
  const cgroup = ({ resource, set }: (typeof changes)[number]): ResizeStep => {
    at = { ...at, ...set };
    return { kind: 'cgroup', resource, set, after: at };
  };
  return [
    ...changes.filter(({ grows }) => grows).map(cgroup),
    ...containerSteps(work),
    ...changes
      .filter(({ grows }) => !grows)
      .toReversed()
      .map(cgroup),
    ...RESOURCES.map((resource) => ({ kind: 'done', resource }) as const),
  ];
}

interface Change {
  readonly grows: boolean;
  readonly set: {
    readonly memory?: number;
    readonly cpuQuota?: number;
    readonly cpuPeriod?: number;
    readonly cpuShares?: number;
  };
}

function memoryChange(
  { memory: now = Number.POSITIVE_INFINITY }: PodCgroupLimits,
  { memory }: ResourceConfig,
): Change[] {
  if (!memory || memory === now) return [];
  return [{ grows: memory > now, set: { memory } }];
}

/** Limit and weight: at once where both go the same way, else what grows is first. */
function cpuChanges(current: PodCgroupLimits, { cpuQuota, cpuPeriod, cpuShares }: ResourceConfig): Change[] {
  const changes: Change[] = [];
  const bound = (quota: number, period: number) => (quota > 0 ? quota / period : Number.POSITIVE_INFINITY);
  const period = cpuPeriod ?? current.cpuPeriod;
  if (cpuQuota && (cpuQuota !== current.cpuQuota || period !== current.cpuPeriod)) {
    const grows = bound(cpuQuota, period) > bound(current.cpuQuota, current.cpuPeriod);
    changes.push({ grows, set: { cpuQuota, cpuPeriod: period } });
  }
  if (cpuShares && cpuShares !== current.cpuShares)
    changes.push({ grows: cpuShares > current.cpuShares, set: { cpuShares } });
  const [limit, weight] = changes;
  if (!limit || !weight || limit.grows !== weight.grows) return changes;
  return [{ grows: limit.grows, set: { ...limit.set, ...weight.set } }];
}

/** What shrinks before what grows: together they never have more than the larger of before and after. */
function containerSteps(work: readonly ContainerWork[]): ResizeStep[] {
  const parts = work.map(({ id, name, from, to }) => {
    const due = RESOURCES.filter((resource) => from === undefined || differsIn(from, to, [resource]));
    const less = due.filter((resource) => from !== undefined && isLess(to, from, resource));
    return { id, name, from, to, less, more: due.filter((resource) => !less.includes(resource)) };
  });
  const step = (
    { id, name }: { id: string; name: string },
    resources: readonly Resizable[],
    after: ResourceRequirements,
  ) => (resources.length === 0 ? [] : [{ kind: 'container', resources, id, name, after } as const]);
  return [
    ...parts.flatMap(({ from, to, less, more, ...who }) =>
      // What grows is as it was until its turn.
      step(who, less, more.length === 0 ? to : less.reduce((so, name) => withResource(so, to, name), from ?? {})),
    ),
    ...parts.flatMap(({ to, more, ...who }) => step(who, more, to)),
  ];
}

/** By the limit if that changes, else by the request. No limit is more than any. */
function isLess(to: ResourceRequirements, from: ResourceRequirements, resource: Resizable): boolean {
  const limit = (list: ResourceRequirements) => amountOf(list.limits, resource);
  if (limit(to) !== limit(from)) return limit(to) !== 0n && (limit(from) === 0n || limit(to) < limit(from));
  return amountOf(to.requests, resource) < amountOf(from.requests, resource);
}
