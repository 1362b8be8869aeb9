import type { PodSpec } from '../../types/k8s.ts';
import type { Rejection } from '../types.ts';

/** Features of nodes that a Pod can need, as node.status.declaredFeatures names them, each with its rule (KEP-5328). */
const NEEDS: Readonly<Record<string, (spec: PodSpec) => boolean>> = {
  RestartAllContainersOnContainerExits: (spec) =>
    [...spec.containers, ...(spec.initContainers ?? [])].some((container) =>
      container.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'),
    ),
  UserNamespacesHostNetworkSupport: (spec) => spec.hostNetwork === true && spec.hostUsers === false,
};

/** Rejects a Pod that needs a feature which this node does not declare. */
export function checkDeclaredFeatures(spec: PodSpec, declared: readonly string[]): Rejection | undefined {
  const missing = Object.keys(NEEDS).filter((name) => NEEDS[name]!(spec) && !declared.includes(name));
  if (missing.length === 0) return undefined;
  const list = missing.sort().join(', ');
  return {
    reason: 'PodFeatureUnsupported',
    message: `Pod requires node features that are not available: ${list}`,
  };
}
