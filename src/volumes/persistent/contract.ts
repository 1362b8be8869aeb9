import type { PodEvent } from '../../events/event.ts';
import type { Runner } from '../../lib/linux/runProgram.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PersistentVolume, PersistentVolumeClaim, StoredPod, Volume } from '../../types/k8s.ts';
import type { ObjectLookup, Reference, VolumeContext } from '../contract.ts';
import type { VolumeHost } from '../volumeType.ts';
import type { ExpansionServices } from './expansion.ts';

/**
 * A volume that may outlast its Pod, as one Pod asks for it: a PersistentVolume behind a claim, or the same kind of source written in the
 * Pod itself. Exactly one of `pv` and `inline` is there.
 */
export interface VolumeSpec {
  /** What kubelet calls the volume in messages and paths: the PersistentVolume's name, or the Pod's name for an inline one. */
  readonly name: string;
  readonly pv?: PersistentVolume;
  readonly claim?: PersistentVolumeClaim;
  readonly inline?: Volume;
  /** The Pod asks for it read-only; containers cannot write to it. */
  readonly readOnly: boolean;
  /** `Block`: the device itself is given to containers, under volumeDevices. */
  readonly mode: 'Filesystem' | 'Block';
}

/** A volume as it can be known from the disk alone, after a restart. */
export interface VolumeIdentity {
  /** Go's unique name, `PLUGIN/…`: who asks for the same one shares it. The name in the Node's volumesInUse and volumesAttached. */
  readonly uniqueName: string;
  /** Its name in the Node's lists where that is another one: what was asked for may be written in several ways. */
  readonly reportedAs?: string;
  /** As VolumeSpec.name. */
  readonly name: string;
  readonly mode: VolumeSpec['mode'];
  /** Some controller attaches it to the node: used in Go's order, volumesInUse before anything else. */
  readonly attachable: boolean;
}

/** What the kinds work with. */
export interface KindHost extends VolumeHost {
  /** Programs of the node (mount, umount, mkfs, fsck), for calls that may hang: they never hold a thread of this process. */
  readonly run: Runner;
  /** How a claim is told that its volume has grown. Absent without an API server. */
  readonly expansion?: ExpansionServices;
}

/** One step that concerns all users of the volume. */
export interface VolumeStep {
  readonly host: KindHost;
  readonly volume: VolumeIdentity;
  /** Aborted when nobody wants the step any more. What was begun may be finished, or not: it is undone by its counterpart. */
  readonly signal: AbortSignal;
}

/** A step for a Pod that wants it. */
export interface WantedStep extends VolumeStep {
  readonly spec: VolumeSpec;
  readonly pod: StoredPod;
  readonly context: VolumeContext;
  /** From the Node's volumesAttached; empty when nothing attaches it. */
  readonly devicePath: string;
  /** The SELinux label that it is mounted with; '': none, files are labelled by the runtime. */
  readonly seLinuxLabel: string;
  /** UIDs of the other Pods that have it published. */
  readonly others: readonly string[];
  /** It is published for this Pod as far as is known, and is looked at again: after a restart, or because the kind asked for it. */
  readonly again: boolean;
  /** An Event of the Pod. */
  event(event: PodEvent): void;
  /** What `why` says of a step that takes long; undefined: nothing any more. */
  progress(message: string | undefined): void;
}

/** What a Pod's containers are given. */
export interface Published {
  /** Filesystem: the directory. Block: the device, which this module maps into the Pod's directory. */
  readonly path: string;
  /** On a host with SELinux the runtime labels the files. */
  readonly seLinuxRelabel?: boolean;
  /** Wall clock in milliseconds at which `publish` is wanted again (requiresRepublish, tokens). */
  readonly refreshAt?: number;
}

/** What is found of a volume on disk. */
export interface FoundVolume extends VolumeIdentity {
  /** Mounted for the node as a whole, or perhaps. */
  readonly staged: boolean;
  /** UIDs of Pods that have it, or perhaps. */
  readonly pods: readonly string[];
}

/** A Pod that waits for a volume. */
export interface AttachWait {
  readonly spec: VolumeSpec;
  /** The Pod's name for it. */
  readonly volume: string;
  readonly objects: ObjectLookup;
  readonly log: Logger;
  /** The wait is over. */
  readonly signal: AbortSignal;
}

/**
 * One kind of volume that may outlast a Pod: the seam behind which CSI, local, NFS and hostPath are. The volume's worker calls it, never
 * two steps of one volume's device or of one Pod's share at a time. Each step may run again after a kill at any point and must then find
 * what is there; each undo is safe without its do, and twice. What a step throws becomes the Pod's FailedMount (FailedMapVolume) Event in
 * kubelet's words, and the step is tried again from 500 ms to 122 s; a FinalError says that nothing was left behind by it.
 */
export interface PersistentKind {
  /** `kubernetes.io/csi`: names the directory `pods/UID/volumes/PLUGIN~…/NAME`. */
  readonly plugin: string;
  /** Names that its volumes' directories bear instead of `plugin`: those of drivers that are plug-ins themselves. */
  plugins?(): ReadonlySet<string>;
  /** The plug-in in metrics; `plugin` unless it is said. */
  metricName?(volume: VolumeIdentity): string;
  readonly supportsMountOptions: boolean;
  readonly supportsBlock: boolean;
  /** Its files are on a server that may be dead: whoever opens one asks first, with a program. */
  readonly isNetwork?: boolean;
  /** Looks at the node before `identify` is asked: whether the volume's driver is there, and what it can do. Rejects with the reason. */
  prepare?(spec: VolumeSpec): Promise<void>;
  /** Who shares it, and whether it is attached. Pure. Throws PayloadError when an object has to be known first. */
  identify(
    spec: VolumeSpec,
    pod: StoredPod,
    objects: ObjectLookup,
  ): Pick<VolumeIdentity, 'uniqueName' | 'attachable' | 'reportedAs'>;
  /** Whether it can be mounted with an SELinux label for all its files. Pure. */
  seLinuxMount?(spec: VolumeSpec, pod: StoredPod, objects: ObjectLookup): boolean;
  /** API objects beside claim and volume. Pure. */
  references?(spec: VolumeSpec, pod: StoredPod, objects: ObjectLookup): Omit<Reference, 'volume'>[];
  /** Runs beside a Pod's wait for the volume; what it rejects with ends the wait. Never resolves. Absent: there is nothing to watch. */
  watchAttach?(wait: AttachWait): Promise<never>;
  /** Whether what the volume names is there and can be used, before any step; rejects with the reason. */
  check?(spec: VolumeSpec): Promise<void>;
  /** Mounts it once for all Pods of the node (NodeStageVolume, a file system on a device). Absent: there is nothing of the kind. */
  stage?(step: WantedStep): Promise<void>;
  /** Undoes `stage`, from what is on disk. */
  unstage?(step: VolumeStep): Promise<void>;
  /** Gives it to one Pod. */
  publish(step: WantedStep): Promise<Published>;
  /** Takes it from the Pod, mount and directory, from what is on disk: nothing is deleted through a mount. */
  unpublish(step: VolumeStep & { readonly podUid: string }): Promise<void>;
  /** The volume has more room than its claim was told of: grows the file system, and tells the API. */
  expand?(step: WantedStep): Promise<void>;
  /** Directory below which a block device is bound for each Pod, as `…/UID`. Only of kinds that support Block. */
  deviceMapDirectory?(host: KindHost, volume: Pick<VolumeIdentity, 'uniqueName' | 'name'>): string;
  /** Every volume of this kind that something is left of: below `pods/…/volumes`, volumeDevices and `plugins`. Reads directories and tables only. */
  reconstruct(host: KindHost): Promise<FoundVolume[]>;
}
