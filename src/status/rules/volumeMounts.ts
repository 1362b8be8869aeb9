import { ownEntry } from '../../lib/ownEntry.ts';
import type { Container, ContainerStatus, VolumeMount, VolumeMountStatus } from '../../types/k8s.ts';
import type { StatusInput } from './input.ts';

/** `volumeMounts` of a container's status. With `old`, as it was reported: the mounts of a container that was made cannot change. */
export function volumeMountStatuses(
  container: Container,
  old: ContainerStatus | undefined,
  input: StatusInput,
): readonly VolumeMountStatus[] | undefined {
  const mounts = old?.volumeMounts?.length ? old.volumeMounts : container.volumeMounts?.map((m) => fromSpec(m, input));
  if (!mounts?.length) return undefined;
  return mounts.map((mount) => withImage(mount, ownEntry(input.imageVolumes, mount.name)));
}

/**
 * Whether the mount is read-only all the way down (KEP-3857). A mount that asks for it and cannot have it is refused when the
 * container is created, so here it counts as "no".
 */
export function isRecursiveReadOnly(mount: VolumeMount, supported: boolean): boolean {
  const mode = mount.recursiveReadOnly;
  if (mode !== 'Enabled' && mode !== 'IfPossible') return false;
  if (!mount.readOnly) return false;
  if (mount.mountPropagation && mount.mountPropagation !== 'None') return false;
  return supported;
}

function fromSpec(mount: VolumeMount, input: StatusInput): VolumeMountStatus {
  const status: VolumeMountStatus = { name: mount.name, mountPath: mount.mountPath };
  if (!mount.readOnly) return status;
  const recursive = isRecursiveReadOnly(mount, input.recursiveReadOnlyMounts ?? false);
  return { ...status, readOnly: true, recursiveReadOnly: recursive ? 'Enabled' : 'Disabled' };
}

function withImage(mount: VolumeMountStatus, imageRef: string | undefined): VolumeMountStatus {
  if (!imageRef || mount.volumeStatus?.image?.imageRef === imageRef) return mount;
  return { ...mount, volumeStatus: { ...mount.volumeStatus, image: { imageRef } } };
}
