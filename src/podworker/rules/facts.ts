import type { ObservedPod } from '../../cri/observed.ts';
import type { Slot as LoopSlot, Slots } from '../../loop/slot.ts';
import type {
  AdmissionFact,
  CpuFact,
  MirrorFact,
  PodCgroupLimits,
  PodClaims,
  PodDevices,
  PodOrigin,
  ProbeState,
  PullState,
  ReferencedState,
  ResizeAnswer,
  TerminateRequest,
} from '../../pods/facts.ts';
import type { AllocatedPod, PodResources, PodStatus } from '../../types/k8s.ts';
import type { Action } from './actions.ts';

/** Two clocks, both in milliseconds: `wall` since the epoch (what statuses show), `mono` since an arbitrary start (what waits are measured with). */
export interface Now {
  readonly wall: number;
  readonly mono: number;
}

/** What is known of one slot of a Pod's worker. */
export type PodSlot = LoopSlot<Action>;

/**
 * A volume that is set up for the Pod (absent from the facts: not yet). The digest is of its payload, never the payload;
 * `objects` is the fingerprint of the API objects it was made from; `refreshAt` (wall ms) when a token in it is renewed.
 */
export interface VolumeState {
  readonly hostPath: string;
  readonly readOnly?: boolean;
  /** Its files belong to this Pod alone, so the runtime labels them where there is SELinux. */
  readonly seLinuxRelabel?: boolean;
  /** A link to a block device, for volumeDevices. */
  readonly block?: boolean;
  /** A group that its PersistentVolume asks for. */
  readonly group?: number;
  readonly digest: string;
  readonly objects: string;
  readonly refreshAt?: number;
}

/** Node-wide facts that gate Pods. */
export interface NodeFacts {
  /** false: standalone, no API server; nothing has to be accepted by one. */
  readonly api: boolean;
  readonly runtimeName: string;
  readonly networkReady: boolean;
  readonly networkMessage: string;
  readonly runtimeProblem?: string;
  readonly apiProblem?: string;
  readonly hostIPs: readonly string[];
  readonly primaryFamily: 4 | 6;
  readonly crashLoopMaxMs: number;
  /** The first crash-loop delay; absent: 10 s. */
  readonly crashLoopInitialMs?: number;
  /** Dead containers kept for each container, 1 at least; absent: one. */
  readonly deadPerContainer?: number;
  /** Statuses show the health of devices (feature gate ResourceHealthStatus). */
  readonly deviceHealth?: boolean;
  /** Statuses show the stop signals of containers (feature gate ContainerStopSignals). */
  readonly stopSignals?: boolean;
}

/** A resize that a Pod asks for (KEP-1287): `wanted` differs from what it was allocated. */
export interface ResizeWish {
  readonly wanted: PodResources;
  /** The ledger's answer to just this, and the generation of the Pod that it was asked with; absent until there is one. */
  readonly answer?: ResizeAnswer & { readonly generation: number };
}

/** A Pod's cgroup, as this process knows it. */
export interface PodCgroupFact {
  /** The allocation that its limits were set for; absent: it was there before, in the middle of a resize. */
  readonly resources?: PodResources;
  readonly limits: PodCgroupLimits;
}

/** Everything `decide` may look at: one frozen, JSON-serialisable snapshot. Secrets appear as digests only. */
export interface PodFacts {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly origin: PodOrigin;
  /**
   * The desired Pod, with the resources that it was given; null when only the runtime knows it. It is the last known one after the
   * source dropped it.
   */
  readonly pod: AllocatedPod | null;
  readonly resize?: ResizeWish;
  /** The ledger still has a question about a resize that the Pod does not ask for any more. */
  readonly resizeWithdrawn?: true;
  /** The last resize that was granted and written down in this process; they are numbered from 1. */
  readonly resizeGranted?: { readonly number: number; readonly generation: number };
  /** What was carried out, as far as it is known: effective limits of each container that was made, and of the Pod as a whole. */
  readonly actuated?: PodResources;
  readonly podCgroup?: PodCgroupFact;
  /** The source no longer has it (an API object deleted for good, a manifest taken away). */
  readonly gone: boolean;
  /** A removed static Pod that its source has again: its next life begins when this one is over. */
  readonly returning: boolean;
  /** The restart policy it returns with; absent unless it returns. */
  readonly returnsUnder?: string;
  /** Every source has reported at least once: only then may something unknown be ended as orphaned. */
  readonly sourcesReady: boolean;
  /** Another static Pod of the same full name holds the name (first come, first served). */
  readonly nameTakenBy?: string;
  /** null: never read yet. */
  readonly runtime: ObservedPod | null;
  readonly runtimeReadProblem?: string;
  readonly slots: Slots<Action>;
  readonly admission: AdmissionFact;
  /** What it holds of device plug-ins; absent: nothing. */
  readonly devices?: PodDevices;
  readonly terminate: readonly TerminateRequest[];
  /** Pulls under way, by container name. */
  readonly pulls: Readonly<Record<string, PullState>>;
  readonly volumes: Readonly<Record<string, VolumeState>>;
  /** By volume name: what the runtime calls its image; absent without the gate ImageVolumeWithDigest. */
  readonly imageVolumes?: Readonly<Record<string, string>>;
  /** By volume name: what one that is being set up waits for; absent when none does. */
  readonly volumeWaits?: Readonly<Record<string, string>>;
  /** The prepared claims that its containers use; absent when there are none. */
  readonly claims?: PodClaims;
  /** Which DRA driver's answer is being waited for; absent when none is. */
  readonly claimWait?: string;
  /** When a DRA driver came that the Pod's claims lacked (mono ms). */
  readonly claimDriverAt?: number;
  readonly objects: Readonly<Record<string, ReferencedState>>;
  /** Container name → objects it takes its environment from. */
  readonly envObjects: Readonly<Record<string, readonly string[]>>;
  /** Volume name → objects it projects. */
  readonly volumeObjects: Readonly<Record<string, readonly string[]>>;
  /** Secrets with credentials for its images; absent without any. */
  readonly pullObjects?: readonly string[];
  readonly probes: Readonly<Record<string, ProbeState>>;
  /** Highest restart number seen in the log directory, for containers the runtime has forgotten. */
  readonly logRestarts: Readonly<Record<string, number>>;
  /** Dead containers that shall go; absent without any. */
  readonly surplus?: readonly string[];
  /** Queue positions at the node's gate, by slot. */
  readonly gatePositions: Readonly<Record<string, number>>;
  /** Absent where no policy divides the CPUs. */
  readonly cpus?: CpuFact;
  /** The CPUs that containers were put on by this process, by container id. */
  readonly cpuSets?: Readonly<Record<string, string>>;
  /** The last status that the API server took, and the word on what holds the next one back. */
  readonly accepted?: PodStatus;
  readonly statusProblem?: string;
  /** The mirror Pod of a static Pod; absent for API Pods and without an API server. */
  readonly mirror?: MirrorFact;
  /** The runtime handler of this Pod can mount recursively read-only. */
  readonly recursiveReadOnly: boolean;
  readonly node: NodeFacts;
  /** 0 ≤ seed < 1, fixed for the Pod's life: the only source of jitter. */
  readonly seed: number;
}
