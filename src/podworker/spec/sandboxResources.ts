import type { LinuxContainerResources } from '../../cri/generated/runtime.ts';
import { podLimits, podRequests } from '../../k8s/podResources.ts';
import { amountsOf } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod } from '../../types/k8s.ts';
import type { SandboxContext, SpecNode } from './context.ts';
import { linuxResources } from './linuxResources.ts';

/**
 * What the Pod's containers may use together, without overhead: for runtimes that size a virtual machine by it. The kubelet
 * itself enforces it in the Pod's cgroup.
 */
export function sandboxResources(pod: AllocatedPod, context: SandboxContext): LinuxContainerResources {
  const requests = podRequests(pod, { excludeOverhead: true });
  const limits = podLimits(pod, { excludeOverhead: true });
  return linuxResources(
    {
      cpuRequest: requests.get('cpu'),
      cpuLimit: limits.get('cpu') ?? 0n,
      memoryLimit: limits.get('memory') ?? 0n,
      unlimitedCPU: context.exclusiveCPUs,
    },
    context.node,
  );
}

/** What the sandbox takes besides its containers (RuntimeClass overhead); empty when there is none. */
export function overheadResources(pod: AllocatedPod, node: SpecNode): LinuxContainerResources {
  if (!pod.spec?.overhead) return {};
  const overhead = amountsOf(pod.spec.overhead);
  const cpu = overhead.get('cpu') ?? 0n;
  const memoryLimit = overhead.get('memory') ?? 0n;
  return linuxResources({ cpuRequest: cpu, cpuLimit: cpu, memoryLimit, unlimitedCPU: false }, node);
}
