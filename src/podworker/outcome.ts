import type { ObservedContainer } from '../cri/observed.ts';
import type { PodEvent } from '../events/event.ts';
import type { AdmissionFact, PodClaims, PodDevices, PullState, ResizeAnswer } from '../pods/facts.ts';
import type { AllocatedPod, PodResources } from '../types/k8s.ts';
import type { Sighting } from './observation.ts';
import type { Action } from './rules/actions.ts';
import type { PodCgroupFact, PodFacts, VolumeState } from './rules/facts.ts';

/** What an effect found out. Everything in it becomes a fact of the Pod; values that must stay private are kept by the action. */
export interface Outcome {
  readonly seen?: Sighting;
  readonly admission?: AdmissionFact;
  readonly devices?: PodDevices;
  readonly claims?: PodClaims;
  readonly volume?: { readonly name: string; readonly state: VolumeState };
  readonly volumesGone?: boolean;
  /** What the runtime calls the image of a volume (gate ImageVolumeWithDigest). */
  readonly imageVolume?: { readonly name: string; readonly imageRef: string };
  /** The CPUs that a container was put on. */
  readonly cpuSet?: { readonly id: string; readonly cpus: string };
  readonly logRestarts?: Readonly<Record<string, number>>;
  /** The ledger's answer to a resize; `granted` is written down already. */
  readonly resize?: ResizeOutcome;
  readonly podCgroup?: PodCgroupFact;
  /** Resources that were carried out, and are kept already. */
  readonly actuated?: PodResources;
  /** Containers whose resources were changed, as the runtime shows them now. */
  readonly resized?: readonly ObservedContainer[];
}

/** What was asked of the ledger, with which generation of the Pod, and its answer. */
export interface ResizeOutcome {
  readonly wanted: PodResources;
  readonly generation: number;
  readonly answer: ResizeAnswer;
}

/** What an action gets to work with. */
export interface ActionContext {
  readonly pod: AllocatedPod;
  /** The snapshot that the decision was made from. */
  readonly facts: PodFacts;
  readonly signal: AbortSignal;
  /** Monotonic ms at which the Pod was first heard of: the gate serves the oldest first. */
  readonly heardAt: number;
  event(event: PodEvent): void;
  /** Progress of a pull, for `why`; undefined when it is over. */
  pull(container: string, state: PullState | undefined): void;
  /** What a volume that is being set up waits for, for `why`; undefined when it waits no more. */
  volumeWait(volume: string, message: string | undefined): void;
  /** Which DRA driver is being waited for, for `why`; undefined when none is. */
  claimWait(message: string | undefined): void;
  /** Resources were carried out in the middle of an action: a fact at once, also when what follows fails. */
  actuated(resources: PodResources): void;
  /** What is remembered of these containers' details does not hold any more. */
  outdated(containerIds: readonly string[]): void;
}

/** Carries out one action. It rejects with an error whose class tells whether the outcome is known (effectError.ts). */
export type Effect = (action: Action, context: ActionContext) => Promise<Outcome>;
