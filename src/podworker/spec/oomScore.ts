import { isSidecar } from '../../k8s/containerTotals.ts';
import { isNodeCriticalPod } from '../../k8s/criticalPod.ts';
import { containerTotal, hasPodLevelResources } from '../../k8s/podResources.ts';
import { podQOS } from '../../k8s/qos.ts';
import { amountOf, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod, Container } from '../../types/k8s.ts';

const GUARANTEED = -997;
const BEST_EFFORT = 1000;

/**
 * A container's oom_score_adj (kubelet qos.GetContainerOOMScoreAdjust). Between Guaranteed and BestEffort it is 1000 less
 * the request's share of the machine's memory in thousandths, so that whoever uses more than it asked for reaches 1000 first:
 * `1000 − 1000 × request / capacity`, at least 3, at most 999. A sidecar is not killed before the Pod's regular containers.
 * Of a Pod-level request, what no container asked for is shared equally (KEP-2837).
 */
export function oomScoreAdj(pod: AllocatedPod, container: Container, memoryCapacity: number): number {
  if (isNodeCriticalPod(pod)) return GUARANTEED;
  const qos = podQOS(pod);
  if (qos === 'Guaranteed') return GUARANTEED;
  if (qos === 'BestEffort') return BEST_EFFORT;
  const extra = unclaimedRequest(pod);
  const score = (request: number) => {
    // Thousandfold bytes of a large machine exceed 2^53.
    return BEST_EFFORT - Number((1000n * BigInt(request + extra)) / BigInt(memoryCapacity));
  };
  let adjust = score(memoryRequest(container));
  if (
    isSidecar(container) &&
    pod.spec?.containers.length &&
    pod.spec.initContainers?.some((init) => init.name === container.name)
  ) {
    const smallest = Math.min(...pod.spec.containers.map(memoryRequest));
    adjust = Math.min(adjust, score(smallest));
  }
  if (adjust < BEST_EFFORT + GUARANTEED) return BEST_EFFORT + GUARANTEED;
  return adjust === BEST_EFFORT ? BEST_EFFORT - 1 : adjust;
}

function memoryRequest(container: Container): number {
  return wholeValue(amountOf(container.resources?.requests, 'memory'));
}

/** Bytes of the Pod-level request for each container, beyond what the containers ask for themselves. */
function unclaimedRequest(pod: AllocatedPod): number {
  const podLevel = wholeValue(amountOf(pod.spec?.resources?.requests, 'memory'));
  if (podLevel === 0 || !hasPodLevelResources(pod, 'requests')) return 0;
  const containers = (pod.spec?.containers.length ?? 0) + (pod.spec?.initContainers?.length ?? 0);
  const claimed = wholeValue(containerTotal(pod, 'requests').get('memory') ?? 0n);
  return Math.trunc((podLevel - claimed) / containers);
}
