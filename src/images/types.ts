/** Who an image runs as by default, from its configuration. */
export interface ImageUser {
  readonly uid?: number;
  readonly username?: string;
}

/** How far a pull has come, from the runtime's content store; best effort. */
export interface PullProgress {
  /** Bytes fetched and bytes known to be needed, over the parts that are being fetched now, or over all layers (`of`). */
  readonly offset: number;
  readonly total: number;
  /** Parts (layers, manifests) being fetched. */
  readonly parts: number;
  /** Of how many layers the image consists, and how many are there, whole; absent while that is not known. Then the bytes are those of all. */
  readonly of?: number;
  readonly present?: number;
  /** How fast they come, on average since each part began; absent while that is not known. */
  readonly bytesPerSecond?: number;
  /** For how long none has come. */
  readonly idleMs?: number;
  /** More than one pull is running and the store does not say which part belongs to which. */
  readonly shared: boolean;
}

/** A pull that was asked for and is not over. */
export interface Pulling {
  readonly sinceMono: number;
  /** Place in the queue for a pull, from 1; absent once the runtime is pulling. */
  readonly position?: number;
  readonly progress?: PullProgress;
  /** The runtime does not tell how far it is. */
  readonly untold?: true;
}

/** Why a Pod's image is not there, kept while it backs off. */
export interface ImageFailure {
  /** A waiting reason: ErrImagePull, ImageInspectError, RegistryUnavailable, SignatureValidationFailed. */
  readonly reason: string;
  readonly message: string;
  /** Monotonic ms of the failure; no new attempt before `at + delayMs`. */
  readonly at: number;
  readonly delayMs: number;
}

/**
 * What is known about one image as one Pod sees it (back-off is per Pod and image, as kubelet has it). JSON-serialisable: it
 * is a fact in the worker's snapshot. Times are monotonic milliseconds.
 */
export interface ImageFact {
  /** The image as the Pod names it. */
  readonly ref: string;
  readonly present: boolean | 'unknown';
  /** When `present` was true of the runtime: the time at which the read was sent. */
  readonly checkedAt?: number;
  /** The runtime's id, to be used as the container's image. */
  readonly imageId?: string;
  readonly size?: number;
  /** Empty: the runtime names nobody, which means root. Absent: the runtime has not been asked, or has not answered. */
  readonly user?: ImageUser;
  /** Whether the Pod may use the image that is there, as found out at `at`; absent where nobody asks (KubeletEnsureSecretPulledImages). */
  readonly access?: { readonly allowed: boolean; readonly at: number };
  /** When the last pull for this Pod succeeded. */
  readonly pulledAt?: number;
  readonly pulling?: Pulling;
  /** The credential providers that are being waited for. */
  readonly provider?: string;
  readonly failure?: ImageFailure;
}

/** Where a Kubernetes object is that gave credentials. */
export interface Coordinates {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Whose credentials these are. Credentials without a source are the node's own: every Pod of it may use what they pull. */
export type CredentialSource = { readonly secret: Coordinates } | { readonly serviceAccount: Coordinates };

/** A user and password for a registry. Never to be logged. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
  /** No registry gets it; it counts for the hash by which kubelet knows the login again. */
  readonly email?: string;
  readonly source?: CredentialSource;
}

/** For which Pod an image is pulled: credential providers may be asked on behalf of its service account. */
export interface PullingPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccount: string;
}

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

/** An Event that the image's course asks for; reason and message are kubelet 1.36's, except for ImagePullProgress, which it does not have. */
export interface ImageEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason:
    | 'Pulling'
    | 'Pulled'
    | 'Failed'
    | 'BackOff'
    | 'InspectFailed'
    | 'ErrImageNeverPull'
    | 'ImagePullProgress';
  readonly message: string;
  /** The Event of this name is the one that is updated, if there is one. */
  readonly update?: string;
}
