import type { LinuxContainerResources } from '../../cri/generated/runtime.ts';
import { hasPodLevelResources } from '../../k8s/podResources.ts';
import { amountOf, amountsOf } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod, Container } from '../../types/k8s.ts';
import type { SpecNode } from './context.ts';
import { hugepageLimits } from './hugepages.ts';
import { linuxResources } from './linuxResources.ts';
import { withMemoryQoS } from './memoryQoS.ts';
import { oomScoreAdj } from './oomScore.ts';
import { withSwapLimit } from './swap.ts';

/** What a container's resources depend on besides its Pod. */
export interface ContainerResourceInputs {
  readonly node: SpecNode;
  /** Whether the CPU manager gave the container CPUs of its own. */
  readonly exclusiveCPUs: boolean;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
}

/**
 * A container's resources in the runtime's terms, for CreateContainer (kubelet generateLinuxContainerResources and the CPU and
 * memory managers' part). The Pod is to hold its allocated resources. UpdateContainerResources takes the same without cpusets.
 */
export function containerResources(
  pod: AllocatedPod,
  container: Container,
  { node, exclusiveCPUs, cpusetCpus, cpusetMems }: ContainerResourceInputs,
): LinuxContainerResources {
  const resources = linuxResources(
    {
      cpuRequest: amountsOf(container.resources?.requests).get('cpu'),
      cpuLimit: limitOf(pod, container, 'cpu'),
      memoryLimit: limitOf(pod, container, 'memory'),
      unlimitedCPU: exclusiveCPUs,
    },
    node,
  );
  const complete: LinuxContainerResources = {
    ...resources,
    oomScoreAdj: oomScoreAdj(pod, container, node.memoryCapacity),
    hugepageLimits: hugepageLimits(pod, container, node.hugePageSizes),
    cpusetCpus,
    cpusetMems,
  };
  return withMemoryQoS(withSwapLimit(complete, pod, container, node), pod, container, node);
}

/** The container's own limit, else the Pod's. */
function limitOf(pod: AllocatedPod, container: Container, name: 'cpu' | 'memory'): bigint {
  const own = amountOf(container.resources?.limits, name);
  return own === 0n && hasPodLevelResources(pod) ? amountOf(pod.spec?.resources?.limits, name) : own;
}
