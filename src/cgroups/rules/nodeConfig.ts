import { cpuShares } from '../../k8s/cpuShares.ts';
import { amountsOf, milliValue, type ResourceAmounts, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { Quantity } from '../../types/k8s.ts';
import { hugePageLimits } from './podConfig.ts';
import type { ResourceConfig } from './resourceConfig.ts';

type Resources = Readonly<Record<string, Quantity>>;

/** What the node has and what is kept from Pods. */
export interface NodeLimits {
  /** cpu, memory, hugepages-*, and `pid`. */
  readonly capacity: Resources;
  /** kubeReserved and systemReserved. Eviction thresholds do not count here: the limit is where the kernel steps in, not where eviction does. */
  readonly reserved: readonly Resources[];
  /** Whether enforceNodeAllocatable has `pods`; without it Pods may use the whole machine. */
  readonly enforcePods: boolean;
}

/** The limits of the cgroup of all Pods. */
export function nodeConfig({ capacity, reserved, enforcePods }: NodeLimits): ResourceConfig {
  const allocatable = new Map(amountsOf(capacity));
  for (const list of enforcePods ? reserved : []) {
    for (const [name, amount] of amountsOf(list)) {
      const left = (allocatable.get(name) ?? 0n) - amount;
      if (allocatable.has(name)) allocatable.set(name, left > 0n ? left : 0n);
    }
  }
  const { hugePages, ...config } = reservedConfig(allocatable, false);
  // No size at all means that nobody counted them, not that there are none: a limit of 0 would take them from every Pod.
  return hugePages && hugePages.size > 0 ? { ...config, hugePages } : config;
}

/**
 * Limits made of a resource list: for the node's cgroup, and for existing cgroups of system daemons (enforceNodeAllocatable
 * `system-reserved` and `kube-reserved`; with `-compressible` only CPU).
 */
export function reservedConfig(amounts: ResourceAmounts, compressibleOnly: boolean): ResourceConfig {
  const cpu = amounts.get('cpu');
  const shares = cpu === undefined ? {} : { cpuShares: cpuShares(milliValue(cpu)) };
  if (compressibleOnly) return shares;
  const memory = amounts.get('memory');
  const pids = amounts.get('pid');
  return {
    ...shares,
    ...(memory !== undefined && { memory: wholeValue(memory) }),
    ...(pids !== undefined && { pids: wholeValue(pids) }),
    hugePages: hugePageLimits(amounts),
  };
}

/** Bytes of memory that Pods may use, whether or not that is enforced. */
export function allocatableMemory({ capacity, reserved }: NodeLimits): number {
  const of = (list: Resources) => amountsOf(list).get('memory') ?? 0n;
  const left = wholeValue(reserved.reduce((rest, list) => rest - of(list), of(capacity)));
  return Math.max(0, left);
}
