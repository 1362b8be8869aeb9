import type { LinuxContainerResources } from '../../cri/generated/runtime.ts';
import { isCriticalPod } from '../../k8s/criticalPod.ts';
import { podQOS } from '../../k8s/qos.ts';
import { amountOf, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod, Container, Pod } from '../../types/k8s.ts';
import type { SpecNode } from './context.ts';

/**
 * `resources` with the container's swap limit (KEP-2400); unchanged on a node without a swap controller. With cgroup v1 memory
 * and swap together are held to the memory limit.
 */
export function withSwapLimit(
  resources: LinuxContainerResources,
  pod: AllocatedPod,
  container: Container,
  node: SpecNode,
): LinuxContainerResources {
  if (!node.swapControllerAvailable) return resources;
  if (node.cgroupVersion === 1) return { ...resources, memorySwapLimitInBytes: resources.memoryLimitInBytes };
  const swap = mayUseSwap(pod, container, node) ? swapShare(container, node) : 0;
  return { ...resources, unified: { ...resources.unified, 'memory.swap.max': String(swap) } };
}

/** Only Burstable Pods that are not critical, and containers whose memory request and limit differ. */
export function mayUseSwap(pod: Pod, container: Container, node: SpecNode): boolean {
  if (!node.swapControllerAvailable || node.cgroupVersion !== 2) return false;
  if (node.swapBehavior !== 'LimitedSwap' || isCriticalPod(pod) || podQOS(pod) !== 'Burstable') return false;
  return amountOf(container.resources?.requests, 'memory') !== amountOf(container.resources?.limits, 'memory');
}

/** The node's swap in proportion: request / memory × swap, in bytes. */
function swapShare(container: Container, { memoryCapacity, swapCapacity }: SpecNode): number {
  const request = wholeValue(amountOf(container.resources?.requests, 'memory'));
  if (memoryCapacity <= 0 || request > memoryCapacity) return 0;
  return Math.trunc((request / memoryCapacity) * swapCapacity);
}
