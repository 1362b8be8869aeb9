// Smallest valid configurations, for tests that talk to a runtime without a Pod spec.
import type { ContainerConfig, PodSandboxConfig } from '../generated/runtime.ts';

/** A sandbox's configuration with the kubelet's labels. */
export function sandboxConfig(pod: {
  uid: string;
  name: string;
  namespace?: string;
  attempt?: number;
}): PodSandboxConfig {
  const { uid, name, namespace = 'default', attempt = 0 } = pod;
  return {
    metadata: { uid, name, namespace, attempt },
    labels: {
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': namespace,
      'io.kubernetes.pod.uid': uid,
    },
    linux: { securityContext: { namespaceOptions: { network: 'POD' } } },
  };
}

/** A container's configuration with the kubelet's labels, for a sandbox made from `pod`. */
export function containerConfig(
  pod: PodSandboxConfig,
  container: { name: string; image: string; attempt?: number } & Omit<ContainerConfig, 'image'>,
): ContainerConfig {
  const { name, image, attempt = 0, ...more } = container;
  return {
    ...more,
    metadata: { name, attempt },
    image: { image, userSpecifiedImage: image },
    labels: { ...pod.labels, 'io.kubernetes.container.name': name },
  };
}
