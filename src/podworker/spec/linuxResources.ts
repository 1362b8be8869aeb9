import type { LinuxContainerResources } from '../../cri/generated/runtime.ts';
import { cpuQuota, cpuShares } from '../../k8s/cpuShares.ts';
import { milliValue, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { SpecNode } from './context.ts';

/** Amounts in billionths, as in ResourceAmounts. */
export interface ResourceDemand {
  /** Undefined for no request, which then is the limit. */
  readonly cpuRequest: bigint | undefined;
  /** 0 for no limit. */
  readonly cpuLimit: bigint;
  readonly memoryLimit: bigint;
  /** True for CPUs of one's own, which are not throttled (KEP-2625). */
  readonly unlimitedCPU: boolean;
}

/** CPU and memory in the runtime's terms (kubelet calculateLinuxResources). */
export function linuxResources(
  demand: ResourceDemand,
  node: Pick<SpecNode, 'cgroupVersion' | 'cpuCFSQuota' | 'cpuCFSQuotaPeriod' | 'singleProcessOOMKill'>,
): LinuxContainerResources {
  const { cpuRequest, cpuLimit, memoryLimit, unlimitedCPU } = demand;
  const resources: LinuxContainerResources = {
    cpuShares: cpuShares(milliValue(cpuRequest ?? cpuLimit)),
    memoryLimitInBytes: wholeValue(memoryLimit),
  };
  if (node.cpuCFSQuota) {
    resources.cpuPeriod = node.cpuCFSQuotaPeriod;
    resources.cpuQuota = unlimitedCPU ? -1 : cpuQuota(milliValue(cpuLimit), node.cpuCFSQuotaPeriod);
  }
  // Out of memory in one process ends the whole container, unless the node is set otherwise.
  if (node.cgroupVersion === 2 && !node.singleProcessOOMKill) resources.unified = { 'memory.oom.group': '1' };
  return resources;
}
