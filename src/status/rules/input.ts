import type { ObservedPod } from '../../cri/observed.ts';
import type { AllocatedPod, PodCondition, PodStatus, ResourceRequirements, ResourceStatus } from '../../types/k8s.ts';

/** Why a container waits: the two words that `state.waiting` shows. */
export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

/** What the probes of one running container say. */
export interface ContainerHealth {
  readonly started: boolean;
  readonly ready: boolean;
}

/** Somebody other than the Pod itself ends it: eviction, deadline, preemption, node shutdown. */
export interface Ended {
  readonly reason?: string;
  readonly message?: string;
  readonly condition?: { readonly type: 'DisruptionTarget'; readonly reason: string; readonly message: string };
}

/** A resize condition as the ledger decided it; its times are kept by `derivePodStatus`. */
export interface ResizeCondition {
  readonly type: 'PodResizePending' | 'PodResizeInProgress';
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

/** What the Pod's own cgroup was seen to allow, as quantities; absent = unlimited or unreadable. */
export interface PodCgroupResources {
  readonly cpuRequest?: string;
  readonly cpuLimit?: string;
  readonly memoryLimit?: string;
}

/**
 * Everything a Pod's status is made of, at one moment. `pod.status` is what the API server last showed (for a static Pod: its
 * mirror's); it supplies other writers' conditions and a terminal phase that must stay. Frozen; never modified.
 */
export interface StatusInput {
  /** The desired Pod, its resources as allocated; the spec may be newer than what runs. */
  readonly pod: AllocatedPod;
  /** The last derived status; after a restart leave it out, and `pod.status` serves. */
  readonly previous?: PodStatus;
  /** null = the runtime was not read yet: nothing is concluded from a missing container. */
  readonly runtime: ObservedPod | null;
  /** Scheme of container ids: containerd, cri-o. */
  readonly runtimeName: string;
  /** By container name, any kind: the worker's reason for not running it now. Ignored for containers that will not be started again. */
  readonly waiting: Readonly<Record<string, Waiting>>;
  /** By container name; absent = the container has no probe. */
  readonly health: Readonly<Record<string, ContainerHealth>>;
  /** Admission said no: the Pod is Failed and never ran. `message` without the prefix "Pod was rejected: ". */
  readonly rejected?: { readonly reason: string; readonly message: string };
  readonly ended?: Ended;
  /** The worker is ending the Pod, for whatever cause. */
  readonly terminating: boolean;
  /** All containers are known to be stopped: a terminal phase may be written. */
  readonly finished: boolean;
  /** RestartAllContainers is under way; left out = concluded from the runtime and the previous status. */
  readonly restartAllContainers?: boolean;
  /** A ready sandbox with its network exists, and the first pass over the volumes is done. */
  readonly readyToStartContainers: boolean;
  /** The node's addresses, primary first; only the first two count. Empty = not known yet. */
  readonly hostIPs: readonly string[];
  readonly nodePrimaryFamily: 4 | 6;
  /** The runtime handler of this Pod can mount recursively read-only. */
  readonly recursiveReadOnlyMounts?: boolean;
  /** By volume name: the digest reference of an image volume (gate ImageVolumeWithDigest). */
  readonly imageVolumes?: Readonly<Record<string, string>>;
  readonly resizeConditions?: readonly ResizeCondition[];
  /** By container name: last resources the kubelet itself applied, for what the runtime does not report. */
  readonly actuated?: Readonly<Record<string, ResourceRequirements>>;
  readonly podCgroup?: PodCgroupResources;
  /** By container name: health of its devices. */
  readonly deviceHealth?: Readonly<Record<string, readonly ResourceStatus[]>>;
  /** Show the signals that the runtime stops containers with. */
  readonly stopSignals?: boolean;
  /** Wall clock, milliseconds. */
  readonly now: number;
}

/** A condition before `lastTransitionTime` is known. */
export type BareCondition = Omit<PodCondition, 'lastTransitionTime'>;

/** The status to build on: the last derived one, else what the API server shows. */
export function previousStatus(input: StatusInput): PodStatus {
  return input.previous ?? input.pod.status ?? {};
}
