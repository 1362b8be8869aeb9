import type { Container, Pod } from '../../../types/k8s.ts';

/** Init containers first, as they start. */
export function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}
