// Facts about Pods that more than one module deals in. The Pod's worker owns their values (podworker/rules/facts.ts has the whole
// snapshot); who wants something of a Pod hands in an update or a request through the Pod table.

/** Where a Pod was heard of. `runtime`: only containers of it were found; no source knows it. */
export type PodOrigin = 'api' | 'file' | 'http' | 'runtime';

/** The life of a Pod on this node. It only goes forward; a static Pod that returns is a new life. */
export const lifePhases = ['Admitting', 'Active', 'Terminating', 'Cleaning', 'Finished'] as const;
/** One of lifePhases. */
export type LifePhase = (typeof lifePhases)[number];

/** Why somebody wants a Pod ended. `completed` is the worker's own: every container is done and none may restart. */
export type TerminateCause =
  | 'deleted'
  | 'removed'
  | 'evicted'
  | 'preempted'
  | 'deadline'
  | 'shutdown'
  | 'orphaned'
  | 'rejected'
  | 'completed';

/** The condition that says why a Pod was disrupted (KEP-3329). */
export interface DisruptionCondition {
  readonly type: 'DisruptionTarget';
  readonly reason: string;
  readonly message: string;
}

/** One request to end a Pod. Requests only add up: the shortest grace wins, the first cause keeps its reason. */
export interface TerminateRequest {
  readonly cause: TerminateCause;
  /** Seconds; absent: the Pod's own terminationGracePeriodSeconds. */
  readonly graceSeconds?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly condition?: DisruptionCondition;
}

/** The ledger's verdict on a Pod. */
export type AdmissionFact =
  | { readonly state: 'unasked' }
  | { readonly state: 'admitted' }
  /** `lost`: which resources could not be near to which. */
  | { readonly state: 'rejected'; readonly reason: string; readonly message: string; readonly lost?: string }
  | { readonly state: 'waiting'; readonly victims: readonly string[] }
  /** It has a place; its devices are held for it, and its worker has to allocate them at their plug-ins. */
  | ({ readonly state: 'allocating' } & DeviceHold);

/** Devices that are held for a Pod until its worker has allocated them. Sentences, because nothing but people reads them. */
export interface DeviceHold {
  /** `CONTAINER: RESOURCE ID, ID`. */
  readonly devices: readonly string[];
  /** Resources that the Pod had devices of before a restart, and whose plug-in is not there yet. */
  readonly awaits: readonly string[];
}

/** Devices of one extended resource that a container holds. */
export interface HeldDevices {
  /** `vendor.example/gpu`. */
  readonly resource: string;
  readonly devices: readonly { readonly id: string; readonly healthy: boolean }[];
}

/** The devices that a Pod holds, by container name. */
export type PodDevices = Readonly<Record<string, readonly HeldDevices[]>>;

/** A ResourceClaim, or one request of it, that a container uses. */
export interface HeldClaim {
  /** As statuses name it: `claim:NAME` or `claim:NAME/REQUEST`. */
  readonly name: string;
  readonly devices: readonly {
    readonly id: string;
    readonly health: 'Healthy' | 'Unhealthy' | 'Unknown';
    readonly message?: string;
  }[];
}

/** The prepared claims that a Pod's containers use, by container name. */
export type PodClaims = Readonly<Record<string, readonly HeldClaim[]>>;

/** The CPUs that a Pod's containers are to run on, and NUMA nodes, as lists of the kernel's form; absent where no policy divides them. */
export interface CpuFact {
  /** For containers without their own. */
  readonly shared: string;
  /** By container name. */
  readonly own: Readonly<Record<string, string>>;
  /** Those of `own` that share the CPUs of their Pod, and are throttled; absent: none. */
  readonly pooled?: readonly string[];
  /** The NUMA nodes of containers' own memory, by name; only told. Absent: nobody has any. */
  readonly memory?: Readonly<Record<string, string>>;
}

/** The ledger's answer to a resize. */
export type ResizeAnswer =
  | { readonly state: 'granted' }
  | { readonly state: 'deferred' | 'infeasible'; readonly message: string };

/** What the kernel holds a Pod's cgroup to. */
export interface PodCgroupLimits {
  readonly cpuShares: number;
  /** Microseconds of each period; -1 without a limit. */
  readonly cpuQuota: number;
  readonly cpuPeriod: number;
  /** Bytes; absent without a limit. */
  readonly memory?: number;
}

/** A ConfigMap, Secret … that a Pod refers to, as far as the node knows it. `version` changes with its content. */
export interface ReferencedState {
  readonly state: 'present' | 'absent' | 'unknown';
  readonly version?: string;
  readonly reason?: string;
}

/** Whether the API server shows a static Pod as it is. */
export interface MirrorFact {
  readonly state: 'current' | 'stale' | 'absent';
}

/** What the probes say about one container id. */
export interface ProbeState {
  readonly containerId: string;
  /** Absent while the startup probe has reached no verdict. */
  readonly started?: boolean;
  /** Absent while the readiness probe has reached no verdict; it is not asked before the container has started. */
  readonly ready?: boolean;
  readonly failed?: 'liveness' | 'startup';
  /** The latest failure of a probe that holds the container back. */
  readonly message?: string;
}

/** How far the pull of one image is, as far as the runtime tells. */
export interface PullState {
  /** Credential providers that are being asked; nothing is pulled yet. */
  readonly provider?: string;
  readonly position?: number;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  readonly bytesPerSecond?: number;
  /** For how long no byte has come, in ms. */
  readonly idleMs?: number;
  /** Layers that are there, of how many. */
  readonly layers?: readonly [present: number, of: number];
  /** The runtime does not tell how far it is. */
  readonly untold?: true;
}
