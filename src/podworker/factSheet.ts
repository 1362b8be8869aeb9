import type { ProbeState } from '../probes/rules/health.ts';
import type { Pod, PodStatus } from '../types/k8s.ts';
import { Observation } from './observation.ts';
import type { Outcome } from './outcome.ts';
import { allocate, allocatedBefore, type Resize } from './rules/allocation.ts';
import type {
  AdmissionFact,
  NodeFacts,
  ObjectState,
  PodFacts,
  PodOrigin,
  PullState,
  Slot,
  TerminateRequest,
  VolumeState,
} from './rules/facts.ts';

/** Who a Pod is, before anything else is known of it. */
export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** 0 ≤ seed < 1. */
  readonly seed: number;
}

/**
 * The changing facts of one Pod, owned by its worker. Values are replaced, never modified, so that snapshots can share
 * them with the timeline.
 */
export class FactSheet {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly seed: number;
  readonly observation = new Observation();
  admission: AdmissionFact = { state: 'unasked' };
  sourcesReady = false;
  returning = false;
  returnsUnder: string | undefined;
  readProblem: string | undefined;
  nameTakenBy: string | undefined;
  accepted: PodStatus | undefined;
  statusProblem: string | undefined;
  mirror: { readonly state: 'current' | 'stale' | 'absent' } | undefined;
  objects: Readonly<Record<string, ObjectState>> = {};
  envObjects: Readonly<Record<string, readonly string[]>> = {};
  volumeObjects: Readonly<Record<string, readonly string[]>> = {};
  pullObjects: readonly string[] = [];
  probes: Readonly<Record<string, ProbeState>> = {};
  #pod: Pod | null = null;
  #resize: Resize | undefined;
  #origin: PodOrigin = 'runtime';
  #gone = false;
  #terminate: readonly TerminateRequest[] = [];
  #pulls: Readonly<Record<string, PullState>> = {};
  #volumes: Readonly<Record<string, VolumeState>> = {};
  #logRestarts: Readonly<Record<string, number>> = {};

  constructor(identity: PodIdentity) {
    this.uid = identity.uid;
    this.namespace = identity.namespace;
    this.name = identity.name;
    this.seed = identity.seed;
  }

  /** The newest version, with the resources that it was given. */
  get pod(): Pod | null {
    return this.#pod;
  }

  get origin(): PodOrigin {
    return this.#origin;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Where a volume that is set up lies on the node. */
  volumePath(name: string): string | undefined {
    return this.#volumes[name]?.hostPath;
  }

  setPod(pod: Pod, origin: PodOrigin): void {
    this.#allocate(pod);
    this.#origin = origin;
    this.#gone = false;
  }

  setGone(last: Pod | undefined): void {
    if (last) this.#allocate(last);
    this.#gone = true;
  }

  /** What the Pod was heard of with, or given before this process, is what it has: nothing of a resize is carried out. */
  #allocate(pod: Pod): void {
    const { pod: allocated, resize } = allocate(pod, this.#pod ?? allocatedBefore(pod));
    this.#pod = allocated;
    this.#resize = resize;
  }

  addTermination(request: TerminateRequest): void {
    this.#terminate = [...this.#terminate, request];
  }

  setPull(container: string, state: PullState | undefined): void {
    const { [container]: _, ...rest } = this.#pulls;
    this.#pulls = state ? { ...rest, [container]: state } : rest;
  }

  /** Takes what an effect found out; `seq` is the observation number at which it was known. */
  take(outcome: Outcome, seq: number): void {
    if (outcome.seen) this.observation.sight(seq, outcome.seen);
    const { container } = outcome.seen ?? {};
    if (container && container.state !== 'created') this.#noteRestart(container.name, container.restartCount);
    if (outcome.admission) this.admission = outcome.admission;
    if (outcome.volume) this.#volumes = { ...this.#volumes, [outcome.volume.name]: outcome.volume.state };
    if (outcome.volumesGone) this.#volumes = {};
    if (outcome.logRestarts) this.#logRestarts = outcome.logRestarts;
  }

  /** A start makes a log file of its number: it counts when the runtime has forgotten the container. */
  #noteRestart(name: string, number: number): void {
    if ((this.#logRestarts[name] ?? -1) < number) this.#logRestarts = { ...this.#logRestarts, [name]: number };
  }

  snapshot(
    slots: Readonly<Record<string, Slot>>,
    node: NodeFacts,
    gatePositions: Readonly<Record<string, number>>,
    recursiveReadOnly: boolean,
  ): PodFacts {
    return Object.freeze({
      uid: this.uid,
      namespace: this.namespace,
      name: this.name,
      origin: this.#origin,
      pod: this.#pod,
      gone: this.#gone,
      sourcesReady: this.sourcesReady,
      returning: this.returning,
      runtime: this.observation.pod,
      slots,
      admission: this.admission,
      terminate: this.#terminate,
      pulls: this.#pulls,
      volumes: this.#volumes,
      objects: this.objects,
      envObjects: this.envObjects,
      volumeObjects: this.volumeObjects,
      probes: this.probes,
      logRestarts: this.#logRestarts,
      gatePositions,
      recursiveReadOnly,
      node,
      seed: this.seed,
      ...(this.#resize === undefined ? {} : { resize: this.#resize }),
      ...(this.returnsUnder === undefined ? {} : { returnsUnder: this.returnsUnder }),
      ...(this.pullObjects.length === 0 ? {} : { pullObjects: this.pullObjects }),
      ...(this.readProblem === undefined ? {} : { runtimeReadProblem: this.readProblem }),
      ...(this.nameTakenBy === undefined ? {} : { nameTakenBy: this.nameTakenBy }),
      ...(this.accepted === undefined ? {} : { accepted: this.accepted }),
      ...(this.statusProblem === undefined ? {} : { statusProblem: this.statusProblem }),
      ...(this.mirror === undefined ? {} : { mirror: this.mirror }),
    });
  }
}
