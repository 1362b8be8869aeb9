import type { Cri } from '../cri/client.ts';
import type { StartGate } from '../cri/gate.ts';
import { createObserver, type Observer } from '../cri/observe.ts';
import type { PodEvent } from '../events/event.ts';
import type { Clock } from '../lib/clock.ts';
import { disposable } from '../lib/disposables.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodOrigin } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { RecordedPod, Recorder } from '../timeline/recorder.ts';
import type { Pod, PodStatus, StoredPod } from '../types/k8s.ts';
import type { FileCheckpoints } from './checkpointStore.ts';
import { FollowedReferences } from './followedReferences.ts';
import type { Effect } from './outcome.ts';
import { PodDefects } from './podDefects.ts';
import { recordHeard, recordingPorts } from './recording.ts';
import type { ObjectSource, VolumeNeed } from './references.ts';
import type { RecordedResources } from './resourceFacts.ts';
import type { Action } from './rules/actions.ts';
import type { NodeFacts } from './rules/facts.ts';
import { RuntimeList } from './runtimeList.ts';
import type { PodWorker } from './worker.ts';
import { PodWorkers } from './workers.ts';

/** Where the workers' words go. */
export interface PodRuntimeHooks {
  publish(pod: Pod, status: PodStatus): void;
  event(pod: Pod | null, subject: RecordedPod, event: PodEvent): void;
  /** A worker takes up a version of its Pod, also one that waited for its predecessor's end. */
  taken(worker: PodWorker, pod: Pod): void;
  /** The runtime was listed. */
  listed(): void;
  actionEnded(uid: string, action: Action, ms: number, error: unknown): void;
}

/** What the workers work with. */
export interface PodRuntimeOptions {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 ≤ random() < 1: each Pod's seed. */
  readonly random: () => number;
  readonly table: PodTable;
  readonly recorder: Recorder;
  readonly gate: StartGate;
  readonly checkpoints: Pick<FileCheckpoints, 'load'>;
  readonly objects: ObjectSource;
  readonly effect: Effect;
  /** What an earlier life of the agent wrote down of a Pod's resources. */
  recorded(uid: string): RecordedResources;
  /** API objects that the Pod's volumes are made of. */
  volumeNeeds(pod: StoredPod): readonly VolumeNeed[];
  nodeFacts(): NodeFacts;
  /** Whether the runtime handler of this Pod can mount recursively read-only. May throw for a RuntimeClass that is not known. */
  recursiveReadOnly(pod: Pod): boolean;
  readonly hooks: PodRuntimeHooks;
}

/** The workers of all Pods, with their eyes on the runtime. Disposing stops them; the Pods go on running. */
export class PodRuntime implements Disposable {
  readonly workers: PodWorkers;
  readonly observer: Observer;
  readonly #options: PodRuntimeOptions;
  readonly #list: RuntimeList;

  constructor(options: PodRuntimeOptions) {
    this.#options = options;
    this.observer = createObserver(options.cri);
    this.workers = this.#makeWorkers();
    const { cri, clock, log, hooks } = options;
    this.#list = new RuntimeList({
      ...{ cri, clock, log, observer: this.observer },
      onListed: (pods) => {
        this.workers.listed(pods, pods[0]?.seq ?? this.observer.lastSeq());
        hooks.listed();
      },
      onEvent: (podUid) => this.workers.hint(podUid),
    });
  }

  /** Finds what runs already, then follows the runtime's events. Resolves after the first full list. */
  async start(): Promise<void> {
    this.workers.adopt(await this.#options.checkpoints.load(this.#options.log));
    await this.#list.start();
  }

  /** Lists the runtime now; a failed list is repeated soon. */
  relist(): Promise<void> {
    return this.#list.relist();
  }

  [Symbol.dispose](): void {
    this.#list[Symbol.dispose]();
    this.workers.stop();
  }

  #makeWorkers(): PodWorkers {
    const { clock, log, hooks, recorder, table, objects } = this.#options;
    const recording = recordingPorts(recorder, clock, hooks.actionEnded);
    const defects = new PodDefects(recorder, clock, log);
    const volumeNeeds = (pod: StoredPod) => this.#options.volumeNeeds(pod);
    const references = new FollowedReferences(objects, volumeNeeds, (pod, error) => defects.tell(pod, error));
    return new PodWorkers({
      ...{ clock, table, random: this.#options.random, effect: this.#options.effect },
      recorded: (uid) => this.#options.recorded(uid),
      invalidate: (containerId) => this.observer.invalidate(containerId),
      observe: (uid, signal) => this.observer.observePod(uid, { signal }),
      lastSeq: () => this.observer.lastSeq(),
      nodeFacts: () => this.#options.nodeFacts(),
      gatePositions: (uid) => positions(this.#options.gate, this.workers.get(uid)),
      recursiveReadOnly: (pod) => pod !== null && this.#mountsRecursively(pod),
      publish: (pod, status) => hooks.publish(pod, status),
      event: (pod, facts, event) => hooks.event(pod, facts, event),
      actionEnded: recording.actionEnded,
      decided: (facts, memory, decision, now) => {
        recording.decided(facts, memory, decision, now);
        defects.log(facts, decision.reasons);
        const worker = this.workers.get(facts.uid);
        // After the turn: who follows the Pod sees what was concluded, not what it was concluded from.
        if (worker) queueMicrotask(() => defects.alone(worker, () => table.decided(worker)));
      },
      defect: (pod, error) => defects.tell(pod, error),
      changed: (worker, pod) => {
        defects.alone(worker, () => references.follow(worker.uid, pod));
        defects.alone(worker, () => hooks.taken(worker, pod));
      },
      opened: (worker, origin, pod) => this.#opened(worker, origin, pod, references),
    });
  }

  #opened(worker: PodWorker, origin: PodOrigin, pod: Pod | null, references: FollowedReferences): Disposable {
    const { recorder, clock } = this.#options;
    const own = references.open(worker);
    const created = pod?.metadata?.creationTimestamp;
    recordHeard(recorder, clock, worker, heardFrom[origin], created ? Date.parse(created) : undefined);
    return disposable(() => {
      own[Symbol.dispose]();
      this.observer.forget(worker.uid);
      recorder.close(worker.uid);
    });
  }

  /** A Pod of an unknown RuntimeClass gets no sandbox; until then nothing is promised about its mounts. */
  #mountsRecursively(pod: Pod): boolean {
    try {
      return this.#options.recursiveReadOnly(pod);
    } catch {
      return false;
    }
  }
}

/** Origins as the timeline names them. */
const heardFrom: Readonly<Record<PodOrigin, string>> = {
  api: 'the API server',
  file: 'a manifest file',
  http: 'the manifest URL',
  runtime: 'the runtime',
};

function positions(gate: StartGate, worker: PodWorker | undefined): Record<string, number> {
  const found: Record<string, number> = {};
  if (!worker || gate.load.waiting === 0) return found;
  for (const slot of worker.gatedSlots()) {
    const position = gate.position(`${worker.uid}/${slot}`);
    if (position !== undefined) found[slot] = position + 1;
  }
  return found;
}
