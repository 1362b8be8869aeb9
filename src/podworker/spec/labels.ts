import type { Pod } from '../../types/k8s.ts';

/** The labels by which the kubelet and its tools find a Pod's sandboxes and containers in the runtime. */
export const POD_NAME_LABEL = 'io.kubernetes.pod.name';
/** The Pod's namespace. */
export const POD_NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
/** The Pod's UID. */
export const POD_UID_LABEL = 'io.kubernetes.pod.uid';
/** The container's name in its Pod; sandboxes have none. */
export const CONTAINER_NAME_LABEL = 'io.kubernetes.container.name';

/** A sandbox's labels: the Pod's own, then the identity, which nothing overrides. */
export function sandboxLabels(pod: Pod): Record<string, string> {
  return { ...pod.metadata?.labels, ...identity(pod) };
}

/** A container's labels: only the identity. */
export function containerLabels(pod: Pod, containerName: string): Record<string, string> {
  return { ...identity(pod), [CONTAINER_NAME_LABEL]: containerName };
}

function identity(pod: Pod): Record<string, string> {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return { [POD_NAME_LABEL]: name, [POD_NAMESPACE_LABEL]: namespace, [POD_UID_LABEL]: uid };
}
