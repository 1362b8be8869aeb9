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
      readonly resource: Resizable;
      readonly id: string;
      readonly name: string;
      readonly after: ResourceRequirements;
    }
  /** Everything of this resource is carried out: for the record of the Pod as a whole. */
  | { readonly kind: 'done'; readonly resource: Resizable };

/**
 * The steps of a resize in their order (KEP-1287): memory, then CPU. What grows, grows in the Pod's cgroup first, its limit before its
 * weight; then containers that shrink, then those that grow; what shrinks, shrinks in the Pod's cgroup last, its weight before its limit. So
 * no container is ever allowed more than its Pod, which the kernel would refuse. A limit that the Pod is not to have any more stays.
 */
export function resizeSteps(
  work: readonly ContainerWork[],
  current: PodCgroupLimits,
  wanted: ResourceConfig,
): ResizeStep[] {
  const steps = (resource: Resizable, changes: readonly Change[], pod: PodCgroupLimits) => {
    let at = pod;
    const cgroup = (change: Change): ResizeStep => {
      at = { ...at, ...change.set };
      return { kind: 'cgroup', resource, set: change.set, after: at };
    };
    const list: ResizeStep[] = [
      ...changes.filter((change) => change.grows).map(cgroup),
      ...containerSteps(work, resource),
      ...changes
        .filter((change) => !change.grows)
        .toReversed()
        .map(cgroup),
      { kind: 'done', resource },
    ];
    return { list, at };
  };
  const first = steps('memory', memoryChange(current, wanted), current);
  return [...first.list, ...steps('cpu', cpuChanges(current, wanted), first.at).list];
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

/** The limit first: it grows before the weight, and shrinks after it. */
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
  return changes;
}

/** Those that shrink before those that grow: together they never have more than the larger of before and after. */
function containerSteps(work: readonly ContainerWork[], resource: Resizable): ResizeStep[] {
  const due = work.filter(({ from, to }) => from === undefined || differsIn(from, to, [resource]));
  const shrinks = ({ from, to }: ContainerWork) => from !== undefined && isLess(to, from, resource);
  return [...due.filter(shrinks), ...due.filter((one) => !shrinks(one))].map(({ id, name, from, to }) => {
    // Memory comes first, so CPU is still as it was; when CPU's turn comes, all is as it is to be.
    const after = from && resource === 'memory' ? withResource(from, to, 'memory') : to;
    return { kind: 'container', resource, id, name, after };
  });
}

/** By the limit if that changes, else by the request. No limit is more than any. */
function isLess(to: ResourceRequirements, from: ResourceRequirements, resource: Resizable): boolean {
  const limit = (list: ResourceRequirements) => amountOf(list.limits, resource);
  if (limit(to) !== limit(from)) return limit(to) !== 0n && (limit(from) === 0n || limit(to) < limit(from));
  return amountOf(to.requests, resource) < amountOf(from.requests, resource);
}
