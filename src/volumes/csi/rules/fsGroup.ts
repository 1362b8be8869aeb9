// Who gives the files of a volume to the Pod's group (https://kubernetes-csi.github.io/docs/support-fsgroup.html).
import type { CSIDriver } from '../../../types/k8s.ts';

/** What decides whether this node changes the files of a volume itself. */
export interface GroupQuestion {
  readonly fsGroup: number | undefined;
  readonly readOnly: boolean;
  readonly fsType: string;
  /** Those of the PersistentVolume; undefined: an inline volume, which is always for one node. */
  readonly accessModes: readonly string[] | undefined;
  readonly policy: string;
}

/** The driver's policy. Without a CSIDriver object the default; undefined: the object has none, which the API server never lets happen. */
export function fsGroupPolicy(driver: CSIDriver | undefined): string | undefined {
  if (!driver) return 'ReadWriteOnceWithFSType';
  return driver.spec.fsGroupPolicy || undefined;
}

/** Whether the files get the group here: never those of a read-only volume, and by default only of a file system for one node. */
export function nodeChangesGroup({ fsGroup, readOnly, fsType, accessModes, policy }: GroupQuestion): boolean {
  if (fsGroup === undefined || policy === 'None' || readOnly) return false;
  if (policy === 'File') return true;
  if (fsType === '') return false;
  return accessModes === undefined || accessModes.some((m) => m === 'ReadWriteOnce' || m === 'ReadWriteOncePod');
}
