import type { Pod, ResourceRequirements } from '../../types/k8s.ts';
import type { Amount } from './quantity.ts';
import { addAmounts, parseAmount } from './quantity.ts';

export type PodQOSClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const qosResources = ['cpu', 'memory'] as const;

/** The class already in the status, which never changes; else computed. */
export function podQOS(pod: Pod): PodQOSClass {
  return (pod.status?.qosClass as PodQOSClass | undefined) || computePodQOS(pod);
}

/**
 * The QoS class from CPU and memory: Guaranteed when every container (or the Pod level, if it is set) has limits and requests
 * equal to them, BestEffort when nothing is set, else Burstable. Ephemeral containers have no resources.
 */
export function computePodQOS(pod: Pod): PodQOSClass {
  const { spec } = pod;
  if (!spec) return 'BestEffort';
  const podLevel = spec.resources;
  const parts: ResourceRequirements[] = podLevel
    ? [podLevel]
    : [...spec.containers, ...(spec.initContainers ?? [])].map((container) => container.resources ?? {});
  const requests = sumOf(parts.map((part) => part.requests));
  const limits = sumOf(parts.map((part) => part.limits));
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';

  // A Pod level with requests only is not asked for complete limits: unequal sizes below make it Burstable.
  const limited = podLevel && !Object.keys(podLevel.limits ?? {}).length ? [] : parts;
  if (!limited.every((part) => sumOf([part.limits]).size === qosResources.length)) return 'Burstable';
  const equal = [...requests].every(([name, amount]) => limits.get(name)?.nano === amount.nano);
  return equal && requests.size === limits.size ? 'Guaranteed' : 'Burstable';
}

function sumOf(lists: readonly (Readonly<Record<string, string>> | undefined)[]): Map<string, Amount> {
  const sum = new Map<string, Amount>();
  for (const list of lists) {
    for (const name of qosResources) {
      const text = list?.[name];
      const amount = text === undefined ? undefined : parseAmount(text);
      if (!amount || amount.nano <= 0n) continue;
      const value = sum.get(name);
      sum.set(name, value ? addAmounts(value, amount) : amount);
    }
  }
  return sum;
}
