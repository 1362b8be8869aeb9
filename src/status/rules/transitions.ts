import { isSidecar } from '../../k8s/containerTotals.ts';
import { named } from '../../lib/named.ts';
import type { Container, ContainerStatus, PodSpec } from '../../types/k8s.ts';
import { canRestartAllContainers, restartsAfter } from './restartPolicy.ts';

/**
 * Keeps a container that was reported as terminated for good from coming back: its former status stays. The Go kubelet drops
 * the Pod's whole update in this case; here only the container's part is refused, so that the others go on being reported.
 */
export function refuseRevival(
  containers: readonly Container[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  wanted: readonly ContainerStatus[],
  spec: PodSpec,
): ContainerStatus[] {
  return wanted.map((status) => {
    const before = named(old, status.name);
    const ended = before?.state?.terminated;
    if (!before || !ended || status.state?.terminated) return status;
    const container = named(containers, status.name);
    return !container || mayRevive(container, spec, ended.exitCode) ? status : before;
  });
}

function mayRevive(container: Container, spec: PodSpec, exitCode: number): boolean {
  if ((spec.restartPolicy ?? 'Always') === 'Always' || canRestartAllContainers(spec)) return true;
  if (isSidecar(container)) return true;
  if (exitCode !== 0 && spec.restartPolicy === 'OnFailure') return true;
  return restartsAfter(container, spec, exitCode);
}
