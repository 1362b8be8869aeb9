import type { Pod, Taint, Toleration } from '../../types/k8s.ts';

/**
 * Whether a toleration covers a taint. `Lt` and `Gt` never do: the gate TaintTolerationComparisonOperators is alpha and off in
 * 1.36.
 */
export function tolerates({ key, effect, operator, value }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return (operator === undefined || operator === '' || operator === 'Equal') && (value ?? '') === (taint.value ?? '');
}

/** Whether the Pod tolerates this one taint. */
export function podTolerates(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint));
}

/** The first NoExecute taint that the Pod does not tolerate. The node agent enforces no other effect. */
export function untoleratedTaint(pod: Pod, taints: readonly Taint[]): Taint | undefined {
  return taints.find((taint) => taint.effect === 'NoExecute' && !podTolerates(pod, taint));
}
