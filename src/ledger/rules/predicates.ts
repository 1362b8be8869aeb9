import { isStaticPod } from '../../k8s/criticalPod.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { HostPort, NodeView, Rejection } from '../types.ts';
import { anyPortConflict } from './hostPorts.ts';
import { matchesRequiredNodeAffinity } from './nodeAffinity.ts';
import { untoleratedTaint } from './taints.ts';

const OS = 'linux';
const OS_LABEL = 'kubernetes.io/os';

/** A predicate that making room cannot help. */
export interface PredicateFailure {
  readonly predicate: 'NodeAffinity' | 'NodeName' | 'NodePorts' | 'TaintToleration';
  readonly description: string;
}

/** The first reason why no amount of room would make this Pod run on this operating system and runtime. */
export function checkPlatform(pod: StoredPod, node: NodeView): Rejection | undefined {
  // kubelet compares the Pod's own *label* here, whatever the reason's name says; node affinity covers the selector.
  const wanted = pod.metadata.labels?.[OS_LABEL];
  if (wanted !== undefined && wanted !== OS) {
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  }
  if (pod.spec.os && pod.spec.os.name !== OS) {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  if (pod.spec.securityContext?.supplementalGroupsPolicy === 'Strict' && !node.supplementalGroupsPolicy) {
    return {
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    };
  }
  return undefined;
}

/** The predicates besides resources that fail, in the order in which the scheduler's plugins run. */
export function failedPredicates(
  pod: StoredPod,
  wantedPorts: readonly HostPort[],
  heldPorts: readonly HostPort[],
  node: NodeView,
): PredicateFailure[] {
  const found: PredicateFailure[] = [];
  const labels = { ...node.labels, [OS_LABEL]: OS };
  if (!matchesRequiredNodeAffinity(pod, { name: node.name, labels })) {
    found.push({ predicate: 'NodeAffinity', description: "node(s) didn't match Pod's node affinity/selector" });
  }
  if (pod.spec.nodeName && pod.spec.nodeName !== node.name) {
    found.push({ predicate: 'NodeName', description: "node(s) didn't match the requested node name" });
  }
  if (anyPortConflict(wantedPorts, heldPorts)) {
    found.push({ predicate: 'NodePorts', description: "node(s) didn't have free ports for the requested pod ports" });
  }
  if (!isStaticPod(pod) && untoleratedTaint(pod, node.taints)) {
    found.push({ predicate: 'TaintToleration', description: "node(s) had taints that the pod didn't tolerate" });
  }
  return found;
}

/** The rejection for a failed predicate, in kubelet 1.36's words. */
export function predicateRejection({ predicate, description }: PredicateFailure): Rejection {
  return { reason: predicate, message: `Predicate ${predicate} failed: ${description}` };
}
