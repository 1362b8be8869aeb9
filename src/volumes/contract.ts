import type { PodEvent } from '../events/event.ts';
import type { Logger } from '../lib/logger.ts';
import type {
  ClusterTrustBundleProjection,
  ConfigMap,
  CSIDriver,
  PersistentVolume,
  PersistentVolumeClaim,
  Quantity,
  Secret,
  StoredPod,
  Volume,
} from '../types/k8s.ts';
import type { CertificateDemand, Credentials } from './certificates/certificateEntry.ts';
import type { Reference } from './rules/payload.ts';

export type { Reference } from './rules/payload.ts';

/** What the store knows about an object. `unknown`: not read yet, or the API server is away; the reason is a sentence part. */
export type Lookup<T> =
  | { readonly state: 'present'; readonly object: T }
  | { readonly state: 'absent' }
  | { readonly state: 'unknown'; readonly reason: string };

/** Read access to the API objects that volumes need, from the last known state. Never waits. The namespace of cluster-wide kinds is ''. */
export interface ObjectLookup {
  get(kind: 'ConfigMap', namespace: string, name: string): Lookup<ConfigMap>;
  get(kind: 'Secret', namespace: string, name: string): Lookup<Secret>;
  get(kind: 'PersistentVolumeClaim', namespace: string, name: string): Lookup<PersistentVolumeClaim>;
  get(kind: 'PersistentVolume', namespace: '', name: string): Lookup<PersistentVolume>;
  get(kind: 'CSIDriver', namespace: '', name: string): Lookup<CSIDriver>;
}

/** A service account token bound to one Pod (authentication.k8s.io TokenRequest). */
export interface TokenDemand {
  readonly namespace: string;
  readonly serviceAccountName: string;
  /** Empty: the API server's own audience. */
  readonly audiences: readonly string[];
  readonly expirationSeconds?: number;
  readonly pod: { readonly name: string; readonly uid: string };
}

export interface VolumeToken {
  readonly token: string;
  /** Wall clock in milliseconds. */
  readonly expiresAt: number;
  /** Wall clock in milliseconds at which a fresh one should be fetched. */
  readonly refreshAt: number;
}

/** What a mount may read besides the Pod. */
export interface VolumeContext {
  readonly objects: ObjectLookup;
  /** Serves the cached token while it is good; the provider decides when to renew. */
  token(demand: TokenDemand, signal: AbortSignal): Promise<VolumeToken>;
  /** Trust anchors for a clusterTrustBundle source, as PEM. Throws a PayloadError. Absent without an API server, and behind its gate. */
  readonly trustAnchors?: ((source: ClusterTrustBundleProjection) => Uint8Array) | undefined;
  /** Key and certificates for a podCertificate source. Rejects with a PayloadError. Absent without an API server, and behind its gate. */
  readonly certificate?: ((demand: CertificateDemand) => Promise<Credentials>) | undefined;
  /** Node allocatable: the default of missing limits in resourceFieldRef and the upper bound of tmpfs sizes. */
  readonly nodeAllocatable: Readonly<Record<string, Quantity>>;
  /** Whether this node is one that the PersistentVolume can be used on (its nodeAffinity); absent: not looked at. */
  readonly fitsNode?: (volume: PersistentVolume) => boolean;
}

/** A volume that containers can be created with. */
export interface MountedVolume {
  readonly name: string;
  /** Absolute path on the host; empty for image volumes, which the runtime mounts. */
  readonly hostPath: string;
  /** Set when every mount of it in a container must be read-only. */
  readonly readOnly?: boolean;
  /** It is a device, for volumeDevices: `hostPath` is a link to it. */
  readonly block?: boolean;
  /** A group that the Pod's processes get because the PersistentVolume asks for it (pv.beta.kubernetes.io/gid). */
  readonly group?: number;
  /** Changes when the content changes; keyed, so nothing about a secret can be guessed from it. Empty without a payload. */
  readonly digest: string;
  readonly tmpfs: boolean;
  /** The files were made by this node for this Pod alone: on a host with SELinux the runtime labels them for its containers. */
  readonly seLinuxRelabel?: boolean;
  /** Wall clock in milliseconds of the next needed `update` (tokens). */
  readonly refreshAt?: number;
}

/** Where a mount that takes its time says so. */
export interface MountWords {
  /** An Event of the Pod. */
  event(event: PodEvent): void;
  /** What it waits for, for `why`; undefined: nothing any more. */
  progress(message: string | undefined): void;
}

/** What `update` found. */
export interface VolumeUpdate {
  readonly changed: boolean;
  readonly digest: string;
  readonly refreshAt?: number;
}

/** A Pod's volumes as found on disk. */
export interface FoundVolumes {
  readonly uid: string;
  readonly volumes: readonly { readonly plugin: string; readonly name: string }[];
}

/**
 * All volumes of this node. Methods of different Pods may run side by side; the caller (one worker a Pod) never runs two at once for
 * the same volume. Every failure of a Pod's volume is a VolumeError.
 */
export interface VolumeManager {
  /** API objects to watch for the Pod's volumes, as far as `objects` tells by now: a claim leads to its volume. Pure. */
  needs(pod: StoredPod, objects: ObjectLookup): Reference[];
  /** Idempotent, also after a crash in the middle: what is there is kept, what is missing is made. */
  mount(
    pod: StoredPod,
    volume: Volume,
    context: VolumeContext,
    signal: AbortSignal,
    tell?: MountWords,
  ): Promise<MountedVolume>;
  /** Writes the current payload of an already mounted volume; readers see the old or the new version, never a mixture. */
  update(
    pod: StoredPod,
    volume: Volume,
    context: VolumeContext,
    signal: AbortSignal,
    tell?: MountWords,
  ): Promise<VolumeUpdate>;
  /**
   * Binds one volumeMounts entry's subPath (already expanded) to a path that the Pod can no longer redirect, and returns that path.
   * Idempotent.
   */
  prepareSubPath(pod: StoredPod, request: SubPathRequest): Promise<string>;
  /**
   * Unmounts and removes `volumes`, `volume-subpaths`, `volumeDevices` and `plugins` of the Pod's directory. Safe without a mount
   * before, twice, and after a crash; never deletes anything on a file system that is still mounted.
   */
  unmountAll(uid: string, signal: AbortSignal): Promise<void>;
  /** UIDs of Pods that have, or may have, a share of a volume that outlasts them; some may have no directory any more. */
  holders(): readonly string[];
  /** Pods with volume directories, mounted or not. */
  scan(): Promise<FoundVolumes[]>;
}

/** One subPath mount of one container. */
export interface SubPathRequest {
  readonly container: string;
  /** Index in the container's volumeMounts. */
  readonly mountIndex: number;
  readonly subPath: string;
  readonly mounted: MountedVolume;
}

/** What the manager is built with. */
export interface VolumeManagerOptions {
  /** The kubelet's root directory, /var/lib/kubelet. */
  readonly root: string;
  readonly mounter: import('../lib/linux/mounter.ts').Mounter;
  readonly log?: Logger;
  readonly csi?: import('./csi/services.ts').CsiServices | undefined;
  readonly seLinux?: import('./rules/seLinuxLabel.ts').SeLinuxHost | undefined;
  readonly seLinuxCounts?: import('./seLinuxMetrics.ts').SeLinuxCounts;
  /** Told of each mount but those of volumes that outlast Pods, whose owners tell of them. */
  readonly onOperation?: import('./metrics.ts').OnStorageOperation;
  /** Absent: claims and network file systems are refused. */
  readonly persistent?: import('./persistent/persistentVolumes.ts').PersistentVolumes;
}
