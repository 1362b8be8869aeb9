import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import type { UpdatePodSandboxResourcesRequest } from '../../cri/generated/runtime.ts';
import { cpuQuota, cpuShares, milliOfShares } from '../../k8s/cpuShares.ts';
import { amountsOf, milliValue, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod } from '../../types/k8s.ts';
import type { SpecNode } from './context.ts';
import { overheadResources } from './sandboxResources.ts';

/**
 * What the runtime is told about a resized Pod: its cgroup's new values without the overhead, and the overhead apart. A hint only;
 * runtimes that do not know the call are left in peace.
 */
export function sandboxResourceUpdate(
  pod: AllocatedPod,
  podSandboxId: string,
  config: ResourceConfig,
  node: SpecNode,
): UpdatePodSandboxResourcesRequest {
  const overhead = amountsOf(pod.spec?.overhead);
  const cpu = milliValue(overhead.get('cpu') ?? 0n);
  const memory = wholeValue(overhead.get('memory') ?? 0n);
  const { cpuPeriod, cpuQuota: quota = 0, cpuShares: shares } = config;
  return {
    podSandboxId,
    overhead: overheadResources(pod, node),
    resources: {
      cpuPeriod: cpuPeriod ?? 0,
      cpuQuota: cpuPeriod === undefined ? quota : quota - cpuQuota(cpu, cpuPeriod),
      cpuShares: shares === undefined ? 0 : overhead.has('cpu') ? cpuShares(milliOfShares(shares) - cpu) : shares,
      memoryLimitInBytes: config.memory === undefined ? 0 : config.memory - memory,
    },
  };
}
