import type { Container, Pod, SecurityContext } from '../../types/k8s.ts';

/**
 * A container's security settings with the Pod's as defaults. Seccomp, AppArmor and the groups follow rules of their own and
 * are not merged here.
 */
export function effectiveSecurityContext(pod: Pod, container: Container): SecurityContext {
  const fromPod = pod.spec?.securityContext;
  const own = container.securityContext;
  if (!fromPod) return own ?? {};
  return {
    ...own,
    seLinuxOptions: own?.seLinuxOptions ?? fromPod.seLinuxOptions,
    runAsUser: own?.runAsUser ?? fromPod.runAsUser,
    runAsGroup: own?.runAsGroup ?? fromPod.runAsGroup,
    runAsNonRoot: own?.runAsNonRoot ?? fromPod.runAsNonRoot,
  };
}

/** True when any container of the Pod, of whatever sort, is privileged. */
export function hasPrivilegedContainer(pod: Pod): boolean {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...ephemeralContainers].some((c) => c.securityContext?.privileged === true);
}
