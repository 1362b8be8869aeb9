import { cpuShares, MIN_SHARES } from '../../k8s/cpuShares.ts';
import { podRequests } from '../../k8s/podResources.ts';
import { podQOS } from '../../k8s/qos.ts';
import { amountsOf, milliValue, type ResourceAmounts, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { Pod, Quantity } from '../../types/k8s.ts';
import { hugePageLimits } from './podConfig.ts';
import { type ResourceConfig, UNBOUNDED } from './resourceConfig.ts';

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

/**
 * The cgroup of a QoS class: CPU weight only, huge pages without bound. Burstable's weight is left as it is while the requests are not
 * known yet: after a restart its Pods are running.
 */
export function qosConfig(
  qos: 'Burstable' | 'BestEffort',
  burstableMilliCPU: number | undefined,
  pageSizes: readonly number[],
): ResourceConfig {
  const shares =
    qos === 'BestEffort' ? MIN_SHARES : burstableMilliCPU === undefined ? undefined : cpuShares(burstableMilliCPU);
  return {
    ...(shares !== undefined && { cpuShares: shares }),
    hugePages: new Map(pageSizes.map((size) => [size, UNBOUNDED])),
  };
}

/** What weighs the Burstable cgroup: the CPU requests of all active Burstable Pods, in thousandths of a core. */
export function burstableMilliCPU(pods: readonly Pod[]): number {
  const burstable = pods.filter((pod) => podQOS(pod) === 'Burstable');
  return burstable.reduce((sum, pod) => sum + milliValue(podRequests(pod).get('cpu') ?? 0n), 0);
}
