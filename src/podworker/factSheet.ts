import { ownEntry } from '../lib/ownEntry.ts';
import type { PodOrigin, TerminateRequest } from '../pods/facts.ts';
import type { FactUpdate } from '../pods/updates.ts';
import type { AllocatedPod, Pod, PodStatus } from '../types/k8s.ts';
import { Observation } from './observation.ts';
import type { Outcome } from './outcome.ts';
import { type RecordedResources, ResourceFacts } from './resourceFacts.ts';
import type { NodeFacts, PodFacts, PodSlot, VolumeState } from './rules/facts.ts';
import { type News, NO_NEWS, newsFacts, optional, withNews } from './rules/news.ts';

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
  /** Why the runtime could not be read. */
  readProblem: string | undefined;
  readonly #resources: ResourceFacts;
  #news: News = NO_NEWS;
  #origin: PodOrigin = 'runtime';
  #gone = false;
  #terminate: readonly TerminateRequest[] = [];
  #volumes: Readonly<Record<string, VolumeState>> = {};
  #logRestarts: Readonly<Record<string, number>> = {};
  #imageVolumes: Readonly<Record<string, string>> | undefined;
  #cpuSets: Readonly<Record<string, string>> | undefined;

  constructor(identity: PodIdentity, recorded: RecordedResources = {}) {
    this.uid = identity.uid;
    this.namespace = identity.namespace;
    this.name = identity.name;
    this.seed = identity.seed;
    this.#resources = new ResourceFacts(recorded);
  }

  /** The newest version, with the resources that it was given. */
  get pod(): AllocatedPod | null {
    return this.#resources.pod;
  }

  /** What its source asks for. */
  get desired(): Pod | null {
    return this.#resources.desired;
  }

  get origin(): PodOrigin {
    return this.#origin;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get accepted(): PodStatus | undefined {
    return this.#news.accepted;
  }

  /** Its source has this version of it. */
  setPod(pod: Pod, origin: PodOrigin): void {
    this.#resources.setPod(pod);
    this.#origin = origin;
    this.#gone = false;
  }

  /** Its source has it no more; `last`: how it had it last. */
  setGone(last: Pod | undefined): void {
    if (last) this.#resources.setPod(last);
    this.#gone = true;
  }

  /** Somebody wants its end; such wishes add up. */
  addTermination(request: TerminateRequest): void {
    this.#terminate = [...this.#terminate, request];
  }

  /** Takes news from outside the worker. */
  learn(update: FactUpdate): void {
    if (update.kind === 'resize' || update.kind === 'actuated') this.#resources.learn(update);
    else this.#news = withNews(this.#news, update);
  }

  /** Takes what an effect found out; `seq` is the observation number at which it was known. */
  take(outcome: Outcome, seq: number): void {
    if (outcome.seen) this.observation.sight(seq, outcome.seen);
    const { container } = outcome.seen ?? {};
    if (container && container.state !== 'created') this.#noteRestart(container.name, container.restartCount);
    const { admission, devices, claims } = outcome;
    this.#news = { ...this.#news, ...optional({ admission, devices, claims }) };
    if (outcome.volume) this.#volumes = { ...this.#volumes, [outcome.volume.name]: outcome.volume.state };
    if (outcome.volumesGone) this.#volumes = {};
    if (outcome.cpuSet) this.#noteCpus(outcome.cpuSet.id, outcome.cpuSet.cpus);
    if (outcome.logRestarts) this.#logRestarts = outcome.logRestarts;
    const { imageVolume } = outcome;
    if (imageVolume) this.#imageVolumes = { ...this.#imageVolumes, [imageVolume.name]: imageVolume.imageRef };
    if (outcome.resize) this.#resources.answered(outcome.resize);
    if (outcome.podCgroup) this.#resources.setCgroup(outcome.podCgroup);
    if (outcome.actuated) this.#resources.actuated(outcome.actuated);
    for (const resized of outcome.resized ?? []) this.observation.sight(seq, { container: resized });
  }

  /** Of containers that are gone nothing is kept. */
  #noteCpus(id: string, cpus: string): void {
    const known = new Set(this.observation.pod?.containers.map((container) => container.id));
    const kept = Object.entries(this.#cpuSets ?? {}).filter(([other]) => known.has(other));
    this.#cpuSets = { ...Object.fromEntries(kept), [id]: cpus };
  }

  /** A start makes a log file of its number: it counts when the runtime has forgotten the container. */
  #noteRestart(name: string, number: number): void {
    if ((ownEntry(this.#logRestarts, name) ?? -1) < number)
      this.#logRestarts = { ...this.#logRestarts, [name]: number };
  }

  /** Everything that `decide` may see, frozen. What belongs to the node or the worker is handed in. */
  snapshot(
    slots: Readonly<Record<string, PodSlot>>,
    node: NodeFacts,
    gatePositions: Readonly<Record<string, number>>,
    recursiveReadOnly: boolean,
  ): PodFacts {
    return Object.freeze({
      uid: this.uid,
      namespace: this.namespace,
      name: this.name,
      origin: this.#origin,
      gone: this.#gone,
      runtime: this.observation.pod,
      slots,
      terminate: this.#terminate,
      volumes: this.#volumes,
      logRestarts: this.#logRestarts,
      gatePositions,
      recursiveReadOnly,
      node,
      seed: this.seed,
      ...this.#resources.facts(),
      ...newsFacts(this.#news),
      ...optional({
        runtimeReadProblem: this.readProblem,
        cpuSets: this.#cpuSets,
        imageVolumes: this.#imageVolumes,
      }),
    });
  }
}
