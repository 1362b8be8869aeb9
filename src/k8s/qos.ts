import type { Pod, ResourceRequirements } from '../types/k8s.ts';
import { amountsOf } from './resourceAmounts.ts';

/** How a Pod is treated when the node runs short. */
export type PodQOSClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const COUNTED = ['cpu', 'memory'] as const;

/** The class that the status already has, which never changes in a Pod's life; else the computed one. */
export function podQOS(pod: Pod): PodQOSClass {
  return (pod.status?.qosClass as PodQOSClass | undefined) || computePodQOS(pod);
}

/**
 * The class from CPU and memory: BestEffort when none of them is set, Guaranteed when every container has both limits and the
 * sums of requests equal those of limits, else Burstable. Values of the Pod as a whole replace the containers'; ephemeral
 * containers have none.
 */
export function computePodQOS(pod: Pod): PodQOSClass {
  const parts = partsOf(pod);
  const requests = sum(parts.map((part) => part.requests));
  const limits = sum(parts.map((part) => part.limits));
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const complete = parts.every((part) => isComplete(pod, part));
  const equal = [...requests].every(([name, amount]) => limits.get(name) === amount);
  return complete && equal && requests.size === limits.size ? 'Guaranteed' : 'Burstable';
}

function partsOf(pod: Pod): readonly ResourceRequirements[] {
  if (pod.spec?.resources) return [pod.spec.resources];
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map((c) => c.resources ?? {});
}

/** A Pod level without any limits is not asked for complete ones; unequal numbers of requests and limits exclude it anyway. */
function isComplete(pod: Pod, part: ResourceRequirements): boolean {
  if (pod.spec?.resources && Object.keys(part.limits ?? {}).length === 0) return true;
  const limits = amountsOf(part.limits);
  return COUNTED.every((name) => (limits.get(name) ?? 0n) > 0n);
}

/** Amounts that are zero or less do not count. */
function sum(lists: readonly ResourceRequirements['limits'][]): Map<string, bigint> {
  const total = new Map<string, bigint>();
  for (const list of lists) {
    const amounts = amountsOf(list);
    for (const name of COUNTED) {
      const amount = amounts.get(name) ?? 0n;
      if (amount > 0n) total.set(name, (total.get(name) ?? 0n) + amount);
    }
  }
  return total;
}
