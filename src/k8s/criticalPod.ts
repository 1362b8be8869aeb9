import type { Pod } from '../types/k8s.ts';

/** Priorities from here on are the system's own. */
const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;

/** True for a Pod that came from a file or URL, not from the API server. */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata?.annotations?.['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}

/** True for the API server's image of a static Pod. */
export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}

/** True for Pods that preempt others on this node and are not evicted: static, mirror, or of system priority. */
export function isCriticalPod(pod: Pod): boolean {
  return isStaticPod(pod) || isMirrorPod(pod) || (pod.spec?.priority ?? 0) >= SYSTEM_CRITICAL_PRIORITY;
}

/** True for a critical Pod of the class system-node-critical. */
export function isNodeCriticalPod(pod: Pod): boolean {
  return isCriticalPod(pod) && pod.spec?.priorityClassName === 'system-node-critical';
}
