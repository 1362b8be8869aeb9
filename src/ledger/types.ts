import type { DeviceHold } from '../pods/facts.ts';
import type { Container, Pod, StoredPod, Taint } from '../types/k8s.ts';
import type { SysctlAllowlist } from './rules/sysctls.ts';

/**
 * Amounts of resources as the scheduler counts them: `cpu` in thousandths of a core, everything else in whole units (bytes,
 * pieces), rounded up. `bigint`, because a manifest may ask for more than 2^53 and its rejection must name the number.
 */
export type Amounts = Readonly<Record<string, bigint>>;

/** What the admission rules see of the node. Changes come in through `Ledger.setNode`. */
export interface NodeView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Allocatable in `Amounts`; `pods` is the Pod count. A resource that is absent is unknown to the node. */
  readonly allocatable: Amounts;
  readonly sysctls: SysctlAllowlist;
  /** Why this host cannot enforce AppArmor profiles; undefined if it can. */
  readonly appArmorError?: string;
  readonly supplementalGroupsPolicy: boolean;
  /** Of the eviction manager, in its order: `MemoryPressure`, `DiskPressure`, `PIDPressure`. */
  readonly pressures: readonly string[];
  readonly shuttingDown: boolean;
  /** node.status.declaredFeatures. */
  readonly declaredFeatures: readonly string[];
}

/** Why a Pod may not run here: `reason` is pod.status.reason, `message` goes after "Pod was rejected: " (status adds that). */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
  /** What `why` says besides. */
  readonly lost?: string;
}

/** Where devices of a container should lie: NUMA nodes; undefined: anywhere. */
export type ContainerAffinity = (container: string) => readonly number[] | undefined;

/** The devices of plug-ins, as the ledger needs them. Answers at once: no plug-in is asked. */
export interface DevicePlaces {
  /** A resource of device plug-ins: whether there is enough of it is not a question of amounts. */
  isDevice(resource: string): boolean;
  /** Why the Pod cannot have the devices that it asks for. */
  refusal(pod: StoredPod, affinity?: ContainerAffinity): Rejection | undefined;
  /** Holds them; nobody else gets them until `giveUp` or the Pod's end. undefined: there is nothing to allocate. */
  hold(pod: StoredPod, affinity?: ContainerAffinity): DeviceHold | Rejection | undefined;
  /** Gives back what is held and was not allocated yet. */
  giveUp(uid: string): void;
}

/** A host port as the ledger holds it: empty fields of the API filled in. */
export interface HostPort {
  readonly hostIP: string;
  readonly protocol: string;
  readonly port: number;
}

/** What an admitted Pod holds until it is released. Amounts are decimal strings, so that a recorded verdict stays JSON. */
export interface Allocation {
  readonly requests: Readonly<Record<string, string>>;
  readonly hostPorts: readonly HostPort[];
}

/** A Pod that must go before another one can be admitted. */
export interface Victim {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * The ledger's answer; a fact in the worker's snapshot. `waiting` ends by itself when the victims are released: the next
 * verdict goes to the subscribers. `victims` are to be terminated (asking twice is harmless).
 */
export type Verdict =
  | {
      readonly verdict: 'admitted';
      readonly allocation: Allocation;
      /** What the Pod's worker has to allocate at device plug-ins before the Pod is admitted indeed. */
      readonly devices?: DeviceHold;
    }
  | ({ readonly verdict: 'rejected' } & Rejection)
  | { readonly verdict: 'waiting'; readonly victims: readonly Victim[] };

/** What the caller knows about a Pod that wants a place. */
export interface ReserveContext {
  /** The runtime holds a running container of it: it reserves before all others and cannot be rejected. */
  readonly hasRunningContainers: boolean;
  /** Creation time in ms since the epoch; the order among Pods that wait for the queue at the same moment. */
  readonly createdAt: number;
}

/** One Pod's entry in the book. */
export interface LedgerEntry {
  readonly pod: StoredPod;
  readonly requests: Amounts;
  readonly hostPorts: readonly HostPort[];
}

/** Who gives containers CPUs and memory of their own. Asked and told by the ledger alone. */
export interface OwnResources {
  /** Why a Pod cannot have what it asks for; undefined: it can. Nothing is given yet. */
  refuse(pod: StoredPod): Rejection | undefined;
  /** Gives it, if that can be: a Pod that runs already stays without it otherwise. Harmless when repeated. */
  take(pod: StoredPod): Rejection | undefined;
  release(uid: string): void;
  /** Where the Pod's devices should lie, as it was decided when it was given the rest. */
  affinity?(uid: string): ContainerAffinity | undefined;
  /** Resolves when what was given is written down; undefined: it is. Never rejects. */
  saved(): Promise<void> | undefined;
}
/** What forbids resizes on this node, whatever room there is. */
export interface ResizeSettings {
  /** Feature gate InPlacePodLevelResourcesVerticalScaling. */
  readonly podLevel: boolean;
  /** The CPU manager's policy is static, and InPlacePodVerticalScalingExclusiveCPUs is off. */
  readonly staticCpus: boolean;
  /** The memory manager's policy is Static, and InPlacePodVerticalScalingExclusiveMemory is off. */
  readonly staticMemory: boolean;
  /** Whether the container gets a share of the node's swap. */
  mayUseSwap(pod: Pod, container: Container): boolean;
}

/**
 * The ledger's answer to a resize. `granted`: the larger of old and new is held until `confirm`. `deferred`: asked again by itself when
 * room may have come. `infeasible`: never on this node.
 */
export type ResizeVerdict =
  | { readonly resize: 'granted' }
  | { readonly resize: 'deferred'; readonly message: string }
  | { readonly resize: 'infeasible'; readonly message: string };

/** What made the ledger look at pending resizes, in the words of kubelet's metric; a changed node is told as `periodic_retry`. */
export type ResizeTrigger = 'pod_updated' | 'pods_added' | 'pod_terminated' | 'pod_resized' | 'periodic_retry';
