import type { Container, StoredPod } from '../../../types/k8s.ts';
import type { NumaMask } from './numaMask.ts';

/** One way in which a resource could be given: from which NUMA nodes (null: whichever), and whether that is as near as can be. */
export interface Hint {
  readonly nodes: NumaMask | null;
  readonly preferred: boolean;
}

/**
 * What a provider of resources says, by resource: the ways in which it could give it; an empty list: there is none; null: it does not
 * mind. Null as a whole: it does not mind any.
 */
export type Hints = Readonly<Record<string, readonly Hint[] | null>> | null;

/** Why something cannot be given. Without a reason it is unexpected, and the message is told inside kubelet's sentence for that. */
export interface AllocationError {
  readonly reason?: string;
  readonly message: string;
}

/** Devices of plug-ins, for the topology manager. */
export interface DeviceProviders {
  /** For one Pod's admission; `nodes`: ids of the machine's NUMA nodes. */
  provider(pod: StoredPod, nodes: readonly number[]): HintProvider;
  /** Whether the Pod asks for devices that it does not have yet. */
  wants(pod: StoredPod): boolean;
  /** Another number after whatever providers are made from has changed. */
  version(): number;
}

/**
 * Somebody who gives resources near to others: CPUs, memory, devices. It is made for one Pod's admission, and what it gives is taken
 * from what it says next.
 */
export interface HintProvider {
  /** For one container, after what the Pod's earlier ones were given. */
  hints(container: Container): Hints;
  /** For the Pod as a whole, before it was given anything. */
  podHints(): Hints;
  /** Gives to one container, from these nodes if it can. */
  allocate(container: Container, affinity: Hint): AllocationError | undefined;
  /** Gives to a Pod with resources as a whole, and divides that among its containers. */
  allocatePod(affinity: Hint): AllocationError | undefined;
}
