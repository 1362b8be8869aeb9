import type { PodSpec } from '../../types/k8s.ts';

/**
 * The user that all containers and init containers run as, when each says so and all say the same; else undefined (FsUserFrom in
 * the Go kubelet's volume util). Token files belong to that user.
 */
export function fsUserOf(spec: PodSpec): number | undefined {
  const users = [...(spec.initContainers ?? []), ...spec.containers].map(
    (container) => container.securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  const first = users[0];
  return users.every((user) => user === first) ? first : undefined;
}
