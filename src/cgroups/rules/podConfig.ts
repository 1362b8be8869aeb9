import { cpuQuota, cpuShares, MIN_SHARES } from '../../k8s/cpuShares.ts';
import { limitDeclared, podLimits, podRequests } from '../../k8s/podResources.ts';
import { podQOS } from '../../k8s/qos.ts';
import { amountOf, milliValue, type ResourceAmounts, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod } from '../../types/k8s.ts';
import type { ResourceConfig } from './resourceConfig.ts';

/** Settings of the node that shape every Pod's cgroup. */
export interface PodCgroupSettings {
  /** KubeletConfiguration cpuCFSQuota. */
  readonly cpuCFSQuota: boolean;
  /** Microseconds. */
  readonly cpuCFSQuotaPeriod: number;
  /** KubeletConfiguration podPidsLimit; 0 or less is no limit. */
  readonly podPidsLimit: number;
  /** MemoryQoS on cgroup v2 with memoryReservationPolicy TieredReservation: requests are kept from being reclaimed. */
  readonly tieredReservation?: boolean;
}

/**
 * The limits of a Pod's cgroup (ResourceConfigForPod in pkg/kubelet/cm): CPU weight from requests; quota and memory
 * only when every container, or the Pod itself, is limited; overhead included. A Pod with CPUs of its own is never throttled.
 */
export function podConfig(pod: AllocatedPod, settings: PodCgroupSettings, exclusiveCPUs = false): ResourceConfig {
  const requests = podRequests(pod);
  const limits = podLimits(pod);
  const qos = podQOS(pod);
  const common = {
    hugePages: hugePageLimits(requests),
    ...(settings.podPidsLimit > 0 && { pids: settings.podPidsLimit }),
  };
  const memoryRequest = wholeValue(requests.get('memory') ?? 0n);
  if (qos === 'BestEffort') return { cpuShares: MIN_SHARES, ...common };
  const shares = cpuShares(milliValue(requests.get('cpu') ?? 0n));
  const hasCpuLimit = qos === 'Guaranteed' || limitDeclared(pod, 'cpu');
  const hasMemoryLimit = qos === 'Guaranteed' || limitDeclared(pod, 'memory');
  const throttled = settings.cpuCFSQuota && !exclusiveCPUs;
  const period = settings.cpuCFSQuotaPeriod;
  const quota = throttled ? cpuQuota(milliValue(limits.get('cpu') ?? 0n), period) : -1;
  return {
    cpuShares: shares,
    ...(hasCpuLimit && { cpuQuota: quota, cpuPeriod: period }),
    ...(settings.tieredReservation &&
      memoryRequest > 0 && { protection: qos === 'Guaranteed' ? { min: memoryRequest } : { low: memoryRequest } }),
    ...(hasMemoryLimit && { memory: wholeValue(limits.get('memory') ?? 0n) }),
    ...common,
  };
}

/** Huge page resources by page size in bytes. Requests and limits of huge pages are always equal. */
export function hugePageLimits(amounts: ResourceAmounts): ReadonlyMap<number, bigint> {
  const limits = new Map<number, bigint>();
  for (const [name, amount] of amounts) {
    if (!name.startsWith('hugepages-')) continue;
    const size = wholeValue(amountOf({ size: name.slice('hugepages-'.length) }, 'size'));
    limits.set(size, (limits.get(size) ?? 0n) + BigInt(wholeValue(amount)));
  }
  return limits;
}
