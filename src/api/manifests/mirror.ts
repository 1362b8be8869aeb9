import type { Node, Pod, StoredPod } from '../../types/k8s.ts';
import { CONFIG_HASH, CONFIG_MIRROR, CONFIG_SOURCE } from './staticPod.ts';

/** True for a Pod that stands in the API server for a static Pod. */
export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata?.annotations?.[CONFIG_MIRROR] !== undefined;
}

/** True for a Pod that comes from a file or a URL. */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata?.annotations?.[CONFIG_SOURCE];
  return source !== undefined && source !== 'api';
}

/** `name_namespace`: what ties a static Pod to its mirror, whose UID is the API server's. */
export function podFullName(pod: Pod): string {
  return `${pod.metadata?.name}_${pod.metadata?.namespace}`;
}

/**
 * The Pod to create in the API server for a static Pod. Its owner is the Node, whose UID must be known: NodeRestriction refuses a
 * mirror Pod without it.
 */
export function mirrorPodFor(pod: StoredPod, node: Node): Pod {
  const { name, namespace, labels, annotations } = pod.metadata;
  const hash = annotations?.[CONFIG_HASH] ?? '';
  const owner = {
    apiVersion: 'v1',
    kind: 'Node',
    name: node.metadata?.name ?? '',
    uid: node.metadata?.uid ?? '',
    controller: true,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...pod.metadata,
      name,
      namespace,
      ...(labels && { labels }),
      annotations: { ...annotations, [CONFIG_MIRROR]: hash },
      ownerReferences: [owner],
    },
    spec: pod.spec,
    ...(pod.status && { status: pod.status }),
  };
}

/** Whether a mirror Pod still stands for this version of its static Pod. One that is being deleted does not. */
export function isMirrorCurrent(mirror: Pod, pod: StoredPod): boolean {
  const hash = pod.metadata.annotations?.[CONFIG_HASH];
  if (mirror.metadata?.deletionTimestamp !== undefined) return false;
  return podFullName(mirror) === podFullName(pod) && mirror.metadata?.annotations?.[CONFIG_MIRROR] === hash;
}
