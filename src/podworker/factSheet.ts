import { ownEntry } from '../lib/ownEntry.ts';
import type {
  AdmissionFact,
  CpuFact,
  MirrorFact,
  PodClaims,
  PodDevices,
  PodOrigin,
  ProbeState,
  PullState,
  TerminateRequest,
} from '../pods/facts.ts';
import { mergeResources } from '../pods/rules/actuation.ts';
import { differs, resourcesOf, sameAllocation, withAllocation } from '../pods/rules/allocation.ts';
import type { FactUpdate, PodReferences } from '../pods/updates.ts';
import type { AllocatedPod, Pod, PodResources, PodStatus } from '../types/k8s.ts';
import { Observation } from './observation.ts';
import type { Outcome, ResizeOutcome } from './outcome.ts';
import { allocatedBefore } from './rules/allocation.ts';
import type { NodeFacts, PodCgroupFact, PodFacts, PodSlot, ResizeWish, VolumeState } from './rules/facts.ts';

/** Who a Pod is, before anything else is known of it. */
export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** 0 ≤ seed < 1. */
  readonly seed: number;
}

/** What an earlier life of the agent wrote down of a Pod's resources. */
export interface RecordedResources {
  readonly allocated?: PodResources | undefined;
  readonly actuated?: PodResources | undefined;
}

/** A record of another kubelet may leave containers out that cannot be resized there: they have what they ask for. */
function completed(allocated: PodResources, pod: Pod): PodResources {
  const all = resourcesOf(pod).containers;
  const isComplete = Object.keys(all).every((name) => Object.hasOwn(allocated.containers, name));
  return isComplete ? allocated : { ...allocated, containers: { ...all, ...allocated.containers } };
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
  #admission: AdmissionFact = { state: 'unasked' };
  #devices: PodDevices = {};
  #sourcesReady = false;
  #returning: { readonly restartPolicy: string | undefined } | undefined;
  #nameTakenBy: string | undefined;
  #accepted: PodStatus | undefined;
  #statusProblem: string | undefined;
  #mirror: MirrorFact | undefined;
  #references: PodReferences = { objects: {}, env: {}, volumes: {}, pulls: [] };
  #probes: Readonly<Record<string, ProbeState>> = {};
  /** As its source has it. */
  #desired: Pod | null = null;
  /** The same with the resources that it was given. */
  #pod: AllocatedPod | null = null;
  #allocated: PodResources | undefined;
  #actuated: PodResources | undefined;
  #podCgroup: PodCgroupFact | undefined;
  #asked: ResizeOutcome | undefined;
  #resize: ResizeWish | undefined;
  #granted: { readonly number: number; readonly generation: number } | undefined;
  #origin: PodOrigin = 'runtime';
  #gone = false;
  #terminate: readonly TerminateRequest[] = [];
  #pulls: Readonly<Record<string, PullState>> = {};
  #volumes: Readonly<Record<string, VolumeState>> = {};
  #volumeWaits: Readonly<Record<string, string>> = {};
  #claims: PodClaims = {};
  #claimWait: string | undefined;
  #claimDriverAt: number | undefined;
  #logRestarts: Readonly<Record<string, number>> = {};
  #imageVolumes: Readonly<Record<string, string>> | undefined;
  #surplus: readonly string[] = [];
  #cpus: CpuFact | undefined;
  #cpuSets: Readonly<Record<string, string>> | undefined;

  constructor(identity: PodIdentity, recorded: RecordedResources = {}) {
    this.uid = identity.uid;
    this.namespace = identity.namespace;
    this.name = identity.name;
    this.seed = identity.seed;
    this.#allocated = recorded.allocated;
    this.#actuated = recorded.actuated;
  }

  /** The newest version, with the resources that it was given. */
  get pod(): AllocatedPod | null {
    return this.#pod;
  }

  /** What its source asks for. */
  get desired(): Pod | null {
    return this.#desired;
  }

  get origin(): PodOrigin {
    return this.#origin;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get accepted(): PodStatus | undefined {
    return this.#accepted;
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

  /** What the Pod was heard of with, or given before this process, is what it has until a resize is granted. */
  #allocate(pod: Pod): void {
    this.#desired = pod;
    this.#allocated = completed(this.#allocated ?? allocatedBefore(pod), pod);
    this.#pod = withAllocation(pod, this.#allocated);
    this.#wish();
  }

  #wish(): void {
    this.#resize = undefined;
    if (!this.#desired || !this.#allocated || !differs(this.#desired, this.#allocated)) return;
    const wanted = resourcesOf(this.#desired);
    const asked = this.#asked && sameAllocation(this.#asked.wanted, wanted) ? this.#asked : undefined;
    this.#resize = {
      wanted,
      ...(asked && { answer: { ...asked.answer, generation: asked.generation } }),
    };
  }

  /** A later answer of the ledger may come before the first one, which took the way of an action's outcome. */
  #answered(outcome: ResizeOutcome): void {
    const known = this.#asked;
    const isLate = known !== undefined && known.generation === -1 && sameAllocation(known.wanted, outcome.wanted);
    const { wanted, generation, answer } = outcome;
    this.#asked = isLate ? { ...known, generation } : outcome;
    if (answer.state === 'granted') {
      this.#asked = undefined;
      const isNew = !this.#allocated || !sameAllocation(this.#allocated, wanted);
      if (isNew) this.#granted = { number: (this.#granted?.number ?? 0) + 1, generation };
      this.#allocated = wanted;
      if (this.#desired) this.#pod = withAllocation(this.#desired, wanted);
    }
    this.#wish();
  }

  addTermination(request: TerminateRequest): void {
    this.#terminate = [...this.#terminate, request];
  }

  /** Takes news from outside the worker. */
  learn(update: FactUpdate): void {
    switch (update.kind) {
      case 'probes':
        this.#probes = update.states;
        return;
      case 'admission':
        this.#admission = update.fact;
        return;
      case 'devices':
        this.#devices = update.devices;
        return;
      case 'cpus':
        this.#cpus = update.cpus;
        return;
      case 'resize': {
        const first = this.#asked && sameAllocation(this.#asked.wanted, update.wanted) ? this.#asked : undefined;
        this.#asked = { wanted: update.wanted, generation: first?.generation ?? -1, answer: update.answer };
        this.#wish();
        return;
      }
      case 'actuated':
        this.#actuated = mergeResources(this.#actuated, update.resources);
        return;
      case 'accepted':
        this.#accepted = update.status;
        if (update.written) this.#statusProblem = undefined;
        return;
      case 'statusProblem':
        this.#statusProblem = update.message;
        return;
      case 'mirror':
        this.#mirror = update.mirror;
        return;
      case 'pull':
        this.#setPull(update.container, update.state);
        return;
      case 'volumeWait':
        this.#setVolumeWait(update.volume, update.message);
        return;
      case 'claims':
        this.#claims = update.claims;
        return;
      case 'claimWait':
        this.#claimWait = update.message;
        return;
      case 'claimDriver':
        this.#claimDriverAt = update.at;
        return;
      case 'references':
        this.#references = update.references;
        return;
      case 'object':
        this.#references = {
          ...this.#references,
          objects: { ...this.#references.objects, [update.key]: update.state },
        };
        return;
      case 'surplus':
        this.#surplus = update.containers;
        return;
      case 'sourcesReady':
        this.#sourcesReady = true;
        return;
      case 'nameTaken':
        this.#nameTakenBy = update.by;
        return;
      case 'returning':
        this.#returning = update.under;
        return;
      default:
        update satisfies never;
    }
  }

  /** Takes what an effect found out; `seq` is the observation number at which it was known. */
  take(outcome: Outcome, seq: number): void {
    if (outcome.seen) this.observation.sight(seq, outcome.seen);
    const { container } = outcome.seen ?? {};
    if (container && container.state !== 'created') this.#noteRestart(container.name, container.restartCount);
    if (outcome.admission) this.#admission = outcome.admission;
    if (outcome.devices) this.#devices = outcome.devices;
    if (outcome.claims) this.#claims = outcome.claims;
    if (outcome.volume) this.#volumes = { ...this.#volumes, [outcome.volume.name]: outcome.volume.state };
    if (outcome.volumesGone) this.#volumes = {};
    if (outcome.cpuSet) this.#noteCpus(outcome.cpuSet.id, outcome.cpuSet.cpus);
    if (outcome.logRestarts) this.#logRestarts = outcome.logRestarts;
    const { imageVolume } = outcome;
    if (imageVolume) this.#imageVolumes = { ...this.#imageVolumes, [imageVolume.name]: imageVolume.imageRef };
    if (outcome.resize) this.#answered(outcome.resize);
    if (outcome.podCgroup) this.#podCgroup = outcome.podCgroup;
    if (outcome.actuated) this.#actuated = mergeResources(this.#actuated, outcome.actuated);
    for (const resized of outcome.resized ?? []) this.observation.sight(seq, { container: resized });
  }

  /** Of containers that are gone nothing is kept. */
  #noteCpus(id: string, cpus: string): void {
    const known = new Set(this.observation.pod?.containers.map((container) => container.id));
    const kept = Object.entries(this.#cpuSets ?? {}).filter(([other]) => known.has(other));
    this.#cpuSets = { ...Object.fromEntries(kept), [id]: cpus };
  }

  #setPull(container: string, state: PullState | undefined): void {
    const { [container]: _, ...rest } = this.#pulls;
    this.#pulls = state ? { ...rest, [container]: state } : rest;
  }

  #setVolumeWait(volume: string, message: string | undefined): void {
    const { [volume]: _, ...rest } = this.#volumeWaits;
    this.#volumeWaits = message === undefined ? rest : { ...rest, [volume]: message };
  }

  /** A start makes a log file of its number: it counts when the runtime has forgotten the container. */
  #noteRestart(name: string, number: number): void {
    if ((ownEntry(this.#logRestarts, name) ?? -1) < number)
      this.#logRestarts = { ...this.#logRestarts, [name]: number };
  }

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
      pod: this.#pod,
      gone: this.#gone,
      sourcesReady: this.#sourcesReady,
      returning: this.#returning !== undefined,
      runtime: this.observation.pod,
      slots,
      admission: this.#admission,
      terminate: this.#terminate,
      pulls: this.#pulls,
      volumes: this.#volumes,
      objects: this.#references.objects,
      envObjects: this.#references.env,
      volumeObjects: this.#references.volumes,
      probes: this.#probes,
      logRestarts: this.#logRestarts,
      gatePositions,
      recursiveReadOnly,
      node,
      seed: this.seed,
      ...(this.#surplus.length === 0 ? {} : { surplus: this.#surplus }),
      ...(Object.keys(this.#volumeWaits).length === 0 ? {} : { volumeWaits: this.#volumeWaits }),
      ...(Object.keys(this.#claims).length === 0 ? {} : { claims: this.#claims }),
      ...(this.#claimWait === undefined ? {} : { claimWait: this.#claimWait }),
      ...(this.#claimDriverAt === undefined ? {} : { claimDriverAt: this.#claimDriverAt }),
      ...(Object.keys(this.#devices).length === 0 ? {} : { devices: this.#devices }),
      ...(this.#resize === undefined ? {} : { resize: this.#resize }),
      ...(this.#resize?.answer === undefined && this.#asked?.answer.state === 'deferred'
        ? { resizeWithdrawn: true }
        : {}),
      ...(this.#granted === undefined ? {} : { resizeGranted: this.#granted }),
      ...(this.#actuated === undefined ? {} : { actuated: this.#actuated }),
      ...(this.#podCgroup === undefined ? {} : { podCgroup: this.#podCgroup }),
      ...(this.#returning?.restartPolicy === undefined ? {} : { returnsUnder: this.#returning.restartPolicy }),
      ...(this.#references.pulls.length === 0 ? {} : { pullObjects: this.#references.pulls }),
      ...(this.readProblem === undefined ? {} : { runtimeReadProblem: this.readProblem }),
      ...(this.#nameTakenBy === undefined ? {} : { nameTakenBy: this.#nameTakenBy }),
      ...(this.#cpus === undefined ? {} : { cpus: this.#cpus }),
      ...(this.#cpuSets === undefined ? {} : { cpuSets: this.#cpuSets }),
      ...(this.#accepted === undefined ? {} : { accepted: this.#accepted }),
      ...(this.#statusProblem === undefined ? {} : { statusProblem: this.#statusProblem }),
      ...(this.#mirror === undefined ? {} : { mirror: this.#mirror }),
      ...(this.#imageVolumes === undefined ? {} : { imageVolumes: this.#imageVolumes }),
    });
  }
}
