import type { ContainerImage, NodeFeatures, NodeRuntimeHandler } from '../../types/k8s.ts';
import type { NodeImage, RuntimeFact } from '../types.ts';

/** Names for one image in the status. */
const MAX_NAMES = 5;

/** status.images: the largest first, at most `max` (-1: all), digests before tags, five names each. */
export function nodeImages(images: readonly NodeImage[], max: number): ContainerImage[] {
  const sorted = images.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  return (max < 0 ? sorted : sorted.slice(0, max)).map(({ repoDigests, repoTags, sizeBytes }) => ({
    names: [...repoDigests, ...repoTags].slice(0, MAX_NAMES),
    sizeBytes,
  }));
}

/** status.runtimeHandlers, sorted by name so that the status does not change by itself. */
export function nodeRuntimeHandlers(runtime: RuntimeFact): NodeRuntimeHandler[] {
  const sorted = (runtime.handlers ?? []).toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return sorted.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
    ...(name !== '' && { name }),
    features: { recursiveReadOnlyMounts, userNamespaces },
  }));
}

/** status.features; undefined while the runtime has not told its own. */
export function nodeFeatures({ features }: RuntimeFact): NodeFeatures | undefined {
  return features && { supplementalGroupsPolicy: features.supplementalGroupsPolicy };
}

/**
 * Features that a node declares when their gate is on (KEP-5328), sorted: only what is built. Of the Go kubelet's one is not:
 * ExtendWebSocketsToKubelet. Streams pass unread to the runtime, which knows no v5.channel.k8s.io, so the API server goes on translating
 * WebSockets to SPDY for us.
 */
const DECLARED = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
  'UserNamespacesHostNetworkSupport',
];

/** status.declaredFeatures. */
export function declaredFeatures(enabledGates: readonly string[], { features }: RuntimeFact): string[] {
  const has = (name: string) =>
    name !== 'UserNamespacesHostNetworkSupport' || features?.userNamespacesHostNetwork === true;
  return DECLARED.filter((name) => enabledGates.includes(name) && has(name));
}
