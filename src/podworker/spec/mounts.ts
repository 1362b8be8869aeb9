import type { IDMapping, Mount, MountPropagation, NamespaceOption } from '../../cri/generated/runtime.ts';
import { cleanAbsolute } from '../../k8s/goPath.ts';
import { goQuote } from '../../k8s/goText.ts';
import type { Container, Pod, VolumeMount } from '../../types/k8s.ts';
import type { ContainerContext } from './context.ts';
import type { ResolvedVariable } from './envTypes.ts';
import { ETC_HOSTS_FILE, ETC_HOSTS_PATH, mountsEtcHosts } from './etcHosts.ts';
import { SpecError } from './specError.ts';
import { mountSubPath } from './subPath.ts';

/**
 * A container's mounts: those of its devices, its volume mounts in their order, /etc/hosts, the termination log. `env` is the
 * whole environment, for subPathExpr. Throws the Go kubelet's sentence when a mount cannot be made.
 */
export function containerMounts(
  pod: Pod,
  container: Container,
  context: ContainerContext,
  env: readonly ResolvedVariable[],
): Mount[] {
  const mounts: Mount[] = [...(context.deviceAllocation?.mounts ?? [])];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    mounts.push(volumeMount(pod, container, mount, index, context, env));
  }
  const selinuxRelabel = context.node.seLinuxEnabled;
  if (mountsEtcHosts(pod, container, context.podIPs)) {
    const hostPath = `${context.podDir}/${ETC_HOSTS_FILE}`;
    mounts.push({ hostPath, containerPath: ETC_HOSTS_PATH, selinuxRelabel, propagation: 'PROPAGATION_PRIVATE' });
  }
  if (container.terminationMessagePath && context.terminationLogPath !== null) {
    const containerPath = cleanAbsolute(`/${container.terminationMessagePath}`);
    mounts.push({ hostPath: context.terminationLogPath, containerPath, selinuxRelabel });
  }
  return mounts;
}

/** The same mounts with the ids of the Pod's user namespace, which each mount of such a Pod carries. */
export function withIdMappings(mounts: readonly Mount[], namespaces: NamespaceOption | null | undefined): Mount[] {
  const { uids, gids } = namespaces?.usernsOptions ?? {};
  if (!uids?.length && !gids?.length) return [...mounts];
  const mapped: { uidMappings?: IDMapping[]; gidMappings?: IDMapping[] } = { uidMappings: uids, gidMappings: gids };
  return mounts.map((mount) => ({ ...mount, ...mapped }));
}

function volumeMount(
  pod: Pod,
  container: Container,
  mount: VolumeMount,
  index: number,
  context: ContainerContext,
  env: readonly ResolvedVariable[],
): Mount {
  const image = context.imageVolumes.get(mount.name);
  // What the runtime mounts from an image can never be written to.
  const volume = image ? { hostPath: '', readOnly: true, seLinuxRelabel: false } : context.volumes.get(mount.name);
  if (!volume) {
    throw new SpecError(`cannot find volume ${goQuote(mount.name)} to mount into container ${goQuote(container.name)}`);
  }
  const subPath = mountSubPath(mount, env);
  // A Pod with an image volume names the sub path in its other mounts as well, where runtimes do not look at it.
  const hasImages = pod.spec?.volumes?.some((v) => v.image) ?? false;
  const hostPath = subPath === '' || image ? volume.hostPath : context.subPaths.get(index);
  if (hostPath === undefined) {
    throw new SpecError(
      `failed to prepare subPath for volumeMount ${goQuote(mount.name)} of container ${goQuote(container.name)}`,
    );
  }
  return {
    hostPath,
    containerPath: absolute(mount.mountPath),
    readonly: mount.readOnly === true || volume.readOnly,
    selinuxRelabel: volume.seLinuxRelabel && context.node.seLinuxEnabled,
    propagation: propagation(mount.mountPropagation),
    recursiveReadOnly: recursiveReadOnly(mount, context.supportsRecursiveReadOnly),
    image: image ?? null,
    imageSubPath: image || hasImages ? subPath : '',
  };
}

function propagation(mode: string | undefined): MountPropagation {
  if (mode === undefined || mode === 'None') return 'PROPAGATION_PRIVATE';
  if (mode === 'HostToContainer') return 'PROPAGATION_HOST_TO_CONTAINER';
  if (mode === 'Bidirectional') return 'PROPAGATION_BIDIRECTIONAL';
  throw new SpecError(`invalid MountPropagation mode: ${goQuote(mode)}`);
}

/** KEP-3857. */
function recursiveReadOnly(mount: VolumeMount, supported: boolean): boolean {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return false;
  const requested = `volume ${goQuote(mount.name)} requested recursive read-only mode`;
  if (!mount.readOnly) throw unresolved(`${requested}, but it is not read-only`);
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    throw unresolved(`${requested}, but it is not compatible with propagation ${goQuote(mount.mountPropagation)}`);
  }
  if (mode === 'IfPossible') return supported;
  if (mode !== 'Enabled') throw unresolved(`unknown recursive read-only mode ${goQuote(mode)}`);
  if (!supported) throw unresolved(`${requested}, but it is not supported by the runtime`);
  return true;
}

function unresolved(why: string): SpecError {
  return new SpecError(`failed to resolve recursive read-only mode: ${why}`);
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : cleanAbsolute(`/${path}`);
}
