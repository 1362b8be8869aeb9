import type { Cri } from '../cri/client.ts';
import { watchEvents } from '../cri/events.ts';
import type { StartGate } from '../cri/gate.ts';
import { createObserver, type Observer } from '../cri/observe.ts';
import type { PodEvent } from '../events/event.ts';
import { bounded } from '../lib/bounded.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { disposable } from '../lib/disposables.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodOrigin } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { Reason } from '../timeline/reasons.ts';
import type { RecordedPod, Recorder } from '../timeline/recorder.ts';
import type { Pod, PodStatus, StoredPod } from '../types/k8s.ts';
import type { FileCheckpoints } from './checkpointStore.ts';
import type { Effect } from './outcome.ts';
import { recordHeard, recordingPorts } from './recording.ts';
import { type ObjectSource, References, type VolumeNeed } from './references.ts';
import type { RecordedResources } from './resourceFacts.ts';
import type { Action } from './rules/actions.ts';
import type { NodeFacts } from './rules/facts.ts';
import type { PodWorker } from './worker.ts';
import { PodWorkers } from './workers.ts';

/** Allowed polls of this module (docs/architecture.md): a slow list that repairs lost events, a fast one without events. */
const slowListMs = 45_000;
const fastListMs = 1_000;

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
  readonly #stack = new DisposableStack();
  #listTimer: Disposable | undefined;
  #listEveryMs = slowListMs;
  #stopped = false;

  constructor(options: PodRuntimeOptions) {
    this.#options = options;
    this.observer = createObserver(options.cri);
    this.workers = this.#makeWorkers();
  }

  /** Finds what runs already, then follows the runtime's events. Resolves after the first full list. */
  async start(): Promise<void> {
    this.workers.adopt(await this.#options.checkpoints.load(this.#options.log));
    for (let wait = 100; !this.#stopped; wait = Math.min(5_000, wait * 2)) {
      if (await this.#list()) break;
      await sleep(this.#options.clock, wait);
    }
    this.#watch();
    this.#listLater();
  }

  /** Lists the runtime now; a failed list is repeated soon. */
  async relist(failures = 0): Promise<void> {
    this.#listLater((await this.#list()) ? 0 : failures + 1);
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#listTimer?.[Symbol.dispose]();
    this.workers.stop();
    this.#stack.dispose();
  }

  async #list(): Promise<boolean> {
    const { log } = this.#options;
    try {
      const pods = await this.observer.observeAll();
      this.workers.listed(pods, pods[0]?.seq ?? this.observer.lastSeq());
      this.#options.hooks.listed();
      return true;
    } catch (error) {
      log.warn('Failed to list the runtime', { error: errorMessage(error) });
      return false;
    }
  }

  // A list that failed is read again soon, and ever later: the events that came meanwhile are in no other.
  #listLater(failures = 0): void {
    this.#listTimer?.[Symbol.dispose]();
    if (this.#stopped) return;
    const wait = failures === 0 ? this.#listEveryMs : Math.min(this.#listEveryMs, fastListMs * 2 ** (failures - 1));
    this.#listTimer = this.#options.clock.setTimer(wait, () => void this.relist(failures));
  }

  #watch(): void {
    const { cri, clock, log } = this.#options;
    this.#stack.use(
      watchEvents({
        cri,
        clock,
        onEvent: (event) => this.workers.look(event.podUid),
        onConnected: () => void this.relist(),
        onLost: (error) =>
          log.warn('Lost the event stream of the runtime', { error: error ? errorMessage(error) : 'closed' }),
        onUnsupported: () => {
          log.warn('The runtime has no event stream; it is listed every second instead (containerd 2 has one)');
          this.#listEveryMs = fastListMs;
          this.#listLater();
        },
      }),
    );
  }

  #makeWorkers(): PodWorkers {
    const { clock, log, hooks, recorder, table, objects } = this.#options;
    const references = new Map<string, References>();
    const recording = recordingPorts(recorder, clock, hooks.actionEnded);
    const defect = (pod: RecordedPod, error: unknown) => {
      const message = bounded(errorMessage(error));
      logDefects(log, pod, [{ code: 'InternalError', message }]);
      recorder.stands(pod.uid, clock.now(), [{ code: 'InternalError', message }]);
    };
    // Whoever follows a Pod may throw for it: that concerns neither the others that follow it nor any other Pod.
    const alone = (pod: RecordedPod, work: () => void) => {
      try {
        work();
      } catch (error) {
        defect(pod, error);
      }
    };
    return new PodWorkers({
      clock,
      table,
      random: this.#options.random,
      recorded: (uid) => this.#options.recorded(uid),
      invalidate: (containerId) => this.observer.invalidate(containerId),
      effect: this.#options.effect,
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
        logDefects(log, facts, decision.reasons);
        const worker = this.workers.get(facts.uid);
        // After the turn: who follows the Pod sees what was concluded, not what it was concluded from.
        if (worker) queueMicrotask(() => alone(worker, () => table.decided(worker)));
      },
      defect,
      changed: (worker, pod) => {
        alone(worker, () => references.get(worker.uid)?.follow(pod));
        alone(worker, () => hooks.taken(worker, pod));
      },
      opened: (worker, origin, pod) => {
        const own = new References(
          objects,
          (update) => worker.learn(update),
          (p) => this.#options.volumeNeeds(p),
          (error) => defect(worker, error),
        );
        references.set(worker.uid, own);
        const created = pod?.metadata?.creationTimestamp;
        recordHeard(recorder, clock, worker, heardFrom[origin], created ? Date.parse(created) : undefined);
        return disposable(() => {
          own[Symbol.dispose]();
          references.delete(worker.uid);
          this.observer.forget(worker.uid);
          recorder.close(worker.uid);
        });
      },
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

function logDefects(log: Logger, { uid, namespace, name }: RecordedPod, reasons: readonly Reason[]): void {
  for (const reason of reasons) {
    if (reason.code !== 'InternalError') continue;
    const pod = `${namespace}/${name}`;
    log.error('The rules cannot handle this Pod; it is left as it is', { pod, podUID: uid, error: reason.message });
  }
}

function positions(gate: StartGate, worker: PodWorker | undefined): Record<string, number> {
  const found: Record<string, number> = {};
  if (!worker || gate.load.waiting === 0) return found;
  for (const slot of worker.gatedSlots()) {
    const position = gate.position(`${worker.uid}/${slot}`);
    if (position !== undefined) found[slot] = position + 1;
  }
  return found;
}
