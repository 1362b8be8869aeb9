import { limitDeclared, podLimits } from '../../k8s/podResources.ts';
import { podQOS } from '../../k8s/qos.ts';
import { amountOf, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { Quantity, StoredPod } from '../../types/k8s.ts';

/**
 * Size in bytes of a volume in memory: node allocatable, lowered to the Pod's memory limit where there is one for the whole Pod, and
 * to the volume's sizeLimit (KEP-1967). 0 means that nothing is known: the kernel's own default.
 */
export function memoryVolumeSize(
  pod: StoredPod,
  sizeLimit: Quantity | undefined,
  nodeAllocatable: Readonly<Record<string, Quantity>>,
): number {
  const bounded = podQOS(pod) !== 'BestEffort' && limitDeclared(pod, 'memory');
  const bounds = [
    bounded ? wholeValue(podLimits(pod).get('memory') ?? 0n) : 0,
    sizeLimit === undefined ? 0 : wholeValue(amountOf({ sizeLimit }, 'sizeLimit')),
  ];
  let size = wholeValue(amountOf(nodeAllocatable, 'memory'));
  for (const bound of bounds) {
    // Without a node's value any bound is better than none.
    if (bound > 0 && (bound <= size || size === 0)) size = bound;
  }
  return size;
}
