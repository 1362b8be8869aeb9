import type { ObservedPod } from '../cri/observed.ts';
import type { Reason } from '../timeline/reasons.ts';
import type { AllocatedPod, PodResources, PodStatus } from '../types/k8s.ts';
import type { LifePhase, PodOrigin } from './facts.ts';

/** What the rest of the program sees of a Pod: how it stood at its worker's last decision. Immutable; ask again for news. */
export interface PodEntry {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly origin: PodOrigin;
  /**
   * What its source wants, with the resources that it was given; null when only the runtime knows the Pod. The last known version after the
   * source dropped it.
   */
  readonly pod: AllocatedPod | null;
  /** The resources that it asks for; absent while these are the ones that it has. */
  readonly wanted?: PodResources;
  /** The source no longer has it. */
  readonly gone: boolean;
  readonly phase: LifePhase;
  /** The status that the worker derived last; absent before its first one, and for Pods that only the runtime knows. */
  readonly status: PodStatus | undefined;
  /** The newest status that the API server is known to have. */
  readonly accepted: PodStatus | undefined;
  /** null: the runtime was not read yet. */
  readonly observed: ObservedPod | null;
  /** Primary family first; the node's own for Pods on its network. */
  readonly podIPs: readonly string[];
  /** What holds the Pod back. */
  readonly reasons: readonly Reason[];
  /** Where a volume that is set up lies on the node. */
  volumePath(volume: string): string | undefined;
}

/** A Pod whose definition came from a manifest. */
export function isFromManifest({ origin }: Pick<PodEntry, 'origin'>): boolean {
  return origin === 'file' || origin === 'http';
}
