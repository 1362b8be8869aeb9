import type { PodClaims } from '../pods/facts.ts';
import type { Container, Pod, StoredPod } from '../types/k8s.ts';

/** What Pods' workers ask of the node's claims. */
export interface WorkerClaims {
  /**
   * Has all claims of the Pod prepared; resolves when each of its drivers has. Rejects in kubelet's words with whatever is missing. `wait` hears
   * which driver is being waited for; undefined when none is any more. Claims that are prepared already are not asked for again.
   */
  prepare(pod: StoredPod, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void>;
  /** Gives back what was prepared for the Pod; harmless without, and twice. Claims that other Pods use stay prepared. */
  unprepare(uid: string, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void>;
  /** The claims that the Pod's containers use, as its status has them. */
  heldBy(pod: Pod): PodClaims;
  /** Names of the CDI devices of a container. Throws when nobody knows any more what was prepared for it. */
  cdiDevices(pod: Pod, container: Container): readonly string[];
}
