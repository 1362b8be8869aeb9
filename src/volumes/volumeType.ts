import type { Mounter } from '../lib/linux/mounter.ts';
import type { Logger } from '../lib/logger.ts';
import type { StoredPod, Volume } from '../types/k8s.ts';
import type { MountedVolume, MountWords, ObjectLookup, Reference, VolumeContext, VolumeUpdate } from './contract.ts';
import type { CsiServices } from './csi/services.ts';
import type { PersistentKinds } from './persistent/kinds.ts';
import type { PersistentVolumes } from './persistent/persistentVolumes.ts';
import type { Payload } from './rules/payload.ts';
import type { SeLinuxHost } from './rules/seLinuxLabel.ts';
import type { SeLinuxCounts } from './seLinuxMetrics.ts';

/** Every volume source the API knows. From the generated types: a new Kubernetes minor with a new source does not compile. */
export type VolumeKind = Exclude<keyof Volume, 'name'>;

/** What volume types share. */
export interface VolumeHost {
  readonly root: string;
  readonly mounter: Mounter;
  readonly log: Logger;
  /** Owners of the volumes that may outlast a Pod; absent where there are none (a test of other types). */
  readonly persistent?: PersistentVolumes;
  digest(payload: Payload): string;
  /** Absent on a machine without SELinux. */
  readonly seLinux?: SeLinuxHost;
  readonly seLinuxCounts?: SeLinuxCounts;
  /** Absent without an API server: no CSI volume can be given then. */
  readonly csi?: CsiServices;
}

/** One mount or update of one volume of one Pod. */
export interface VolumeTask {
  readonly host: VolumeHost;
  readonly pod: StoredPod;
  readonly volume: Volume;
  readonly context: VolumeContext;
  readonly signal: AbortSignal;
  readonly tell: MountWords;
}

/**
 * One kind of volume. Errors are thrown as they come; the manager puts the volume's name around them. There is no unmount here:
 * teardown works from what is on disk, because after a restart nothing else may be known of a Pod.
 */
export interface VolumeType {
  /** Plugin name, as in `kubernetes.io/secret`. */
  readonly plugin: string;
  /** Volumes of this type have owners that outlast the Pod (persistent/). */
  readonly ownedElsewhere?: true;
  /** API objects the volume is made from, as far as `objects` tells by now. Pure. */
  references(pod: StoredPod, volume: Volume, objects: ObjectLookup, kinds?: PersistentKinds): Reference[];
  mount(task: VolumeTask): Promise<MountedVolume>;
  update(task: VolumeTask): Promise<VolumeUpdate>;
}

/** For types whose content never changes from outside. */
export const NOTHING_TO_UPDATE: VolumeUpdate = { changed: false, digest: '' };
