import { join } from 'node:path';
import type { Cri } from '../cri/client.ts';
import { watchEvents } from '../cri/events.ts';
import type { Gate } from '../cri/gate.ts';
import { createObserver, type Observer } from '../cri/observe.ts';
import type { Clock } from '../lib/clock.ts';
import { disposable } from '../lib/disposables.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Recorder } from '../timeline/recorder.ts';
import type { Pod, PodStatus, StoredPod } from '../types/k8s.ts';
import { effects } from './actions/registry.ts';
import type { Services } from './actions/services.ts';
import { FileCheckpoints } from './checkpointStore.ts';
import type { PodObjects } from './objects.ts';
import type { Effect } from './outcome.ts';
import { recordHeard, recordingPorts } from './recording.ts';
import { References } from './references.ts';
import type { Action } from './rules/actions.ts';
import type { NodeFacts, PodFacts, PodOrigin } from './rules/facts.ts';
import type { PodEvent } from './rules/turn.ts';
import type { PodWorker } from './worker.ts';
import { PodWorkers } from './workers.ts';

/** Allowed polls of this module (docs/architecture.md): a slow list that repairs lost events, a fast one without events. */
const slowListMs = 45_000;
const fastListMs = 1_000;

/** What follows the workers: probes and the status publisher. */
export interface PodSideHooks {
  opened(worker: PodWorker): void;
  decided(worker: PodWorker): void;
  publish(pod: Pod, status: PodStatus): void;
  done(uid: string): void;
  event(pod: Pod | null, facts: PodFacts, event: PodEvent): void;
  /** The runtime was listed. */
  listed(): void;
  /** For metrics. */
  actionEnded(uid: string, action: Action, ms: number, error: unknown): void;
}

export interface PodSideOptions {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: Recorder;
  readonly rootDir: string;
  readonly objects: PodObjects;
  readonly nodeFacts: () => NodeFacts;
  readonly gate: Gate;
  /** Everything but what this side makes itself. */
  readonly services: (observer: Observer) => Services;
  readonly hooks: PodSideHooks;
}

/** The workers with their eyes on the runtime. */
export class PodSide implements Disposable {
  readonly workers: PodWorkers;
  readonly observer: Observer;
  readonly services: Services;
  /** Called for each version of a Pod that its worker takes up, also for one that waited for its predecessor's end. */
  taken: (worker: PodWorker, pod: Pod) => void = () => {};
  readonly #options: PodSideOptions;
  readonly #own = new DisposableStack();
  #listTimer: Disposable | undefined;
  #listEveryMs = slowListMs;
  #stopped = false;

  constructor(options: PodSideOptions) {
    this.#options = options;
    this.observer = createObserver(options.cri);
    this.services = options.services(this.observer);
    this.workers = this.#makeWorkers(effects(this.services));
  }

  /** Finds what runs already, then follows the runtime's events. Resolves after the first full list. */
  async start(): Promise<void> {
    const checkpoints = new FileCheckpoints(checkpointDir(this.#options.rootDir));
    this.workers.adopt(await checkpoints.load(this.#options.log));
    for (let wait = 100; !this.#stopped; wait = Math.min(5_000, wait * 2)) {
      if (await this.#list()) break;
      await new Promise<void>((resolve) => this.#options.clock.setTimer(wait, resolve));
    }
    this.#watch();
    this.#listLater();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#listTimer?.[Symbol.dispose]();
    this.workers.stop();
    this.#own.dispose();
  }

  async #list(): Promise<boolean> {
    const { log } = this.#options;
    try {
      const pods = await this.observer.observeAll();
      this.workers.listed(pods, pods[0]?.seq ?? this.observer.lastSeq());
      this.#options.hooks.listed();
      return true;
    } catch (error) {
      log.warn('the runtime could not be listed', { error: errorMessage(error) });
      return false;
    }
  }

  // A list that failed is read again soon, and ever later: the events that came meanwhile are in no other.
  #listLater(failures = 0): void {
    this.#listTimer?.[Symbol.dispose]();
    if (this.#stopped) return;
    const wait = failures === 0 ? this.#listEveryMs : Math.min(this.#listEveryMs, fastListMs * 2 ** (failures - 1));
    this.#listTimer = this.#options.clock.setTimer(wait, () => void this.#relist(failures));
  }

  async #relist(failures = 0): Promise<void> {
    this.#listLater((await this.#list()) ? 0 : failures + 1);
  }

  #watch(): void {
    const { cri, clock, log } = this.#options;
    this.#own.use(
      watchEvents({
        cri,
        clock,
        onEvent: (event) => this.workers.look(event.podUid),
        onConnected: () => void this.#relist(),
        onLost: (error) =>
          log.warn('the event stream of the runtime was lost', { error: error ? errorMessage(error) : 'closed' }),
        onUnsupported: () => {
          log.warn('the runtime has no event stream; it is listed every second instead (containerd 2 has one)');
          this.#listEveryMs = fastListMs;
          this.#listLater();
        },
      }),
    );
  }

  #makeWorkers(effect: Effect): PodWorkers {
    const { clock, log, hooks, recorder, gate } = this.#options;
    const followers = new Map<string, References>();
    const recording = recordingPorts(recorder, hooks.actionEnded);
    return new PodWorkers({
      log,
      clock,
      random: Math.random,
      effect,
      observe: (uid, signal) => this.observer.observePod(uid, { signal }),
      lastSeq: () => this.observer.lastSeq(),
      nodeFacts: this.#options.nodeFacts,
      gatePositions: (uid) => positions(gate, this.workers.get(uid)),
      recursiveReadOnly: (pod) => pod !== null && mountsRecursively(this.services, pod),
      publish: (pod, status) => hooks.publish(pod, status),
      event: (pod, facts, event) => hooks.event(pod, facts, event),
      ...recording,
      decided: (facts, memory, decision, now) => {
        recording.decided(facts, memory, decision, now);
        const worker = this.workers.get(facts.uid);
        if (!worker) return;
        for (const r of decision.reasons) {
          if (r.code !== 'InternalError') continue;
          const pod = `${facts.namespace}/${facts.name}`;
          log.error('the rules cannot handle this Pod; it is left as it is', {
            pod,
            podUID: facts.uid,
            error: r.message,
          });
        }
        // After the turn, and not for a Pod of which nothing is left by then.
        queueMicrotask(() => {
          if (this.workers.get(worker.uid) === worker) hooks.decided(worker);
        });
      },
      changed: (worker, pod) => {
        followers.get(worker.uid)?.follow(pod);
        this.taken(worker, pod);
      },
      opened: (worker, origin, pod) => {
        const references = new References(
          this.#options.objects,
          worker.facts,
          () => worker.wake(),
          (pod) => this.#needs(pod),
        );
        followers.set(worker.uid, references);
        const created = pod?.metadata?.creationTimestamp;
        recordHeard(recorder, worker, heardFrom[origin], created ? Date.parse(created) : undefined);
        hooks.opened(worker);
        return disposable(() => {
          references[Symbol.dispose]();
          followers.delete(worker.uid);
          this.observer.forget(worker.uid);
          recorder.close(worker.uid);
          hooks.done(worker.uid);
        });
      },
    });
  }

  #needs(pod: StoredPod) {
    return this.services.volumes
      .needs(pod)
      .flatMap((r) =>
        r.kind === 'ServiceAccountToken'
          ? []
          : [{ kind: r.kind, namespace: r.namespace, name: r.name, volume: r.volume }],
      );
  }
}

/** Origins as the timeline names them. */
const heardFrom: Readonly<Record<PodOrigin, string>> = {
  api: 'the API server',
  file: 'a manifest file',
  http: 'the manifest URL',
  runtime: 'the runtime',
};

/** Where the notes of design rule 6 lie. */
export function checkpointDir(rootDir: string): string {
  return join(rootDir, 'kubelet-ts', 'pods');
}

function positions(gate: Gate, worker: PodWorker | undefined): Record<string, number> {
  const found: Record<string, number> = {};
  if (!worker || gate.load.waiting === 0) return found;
  for (const slot of ['sandbox', ...worker.slotNames('container/')]) {
    const position = gate.position(`${worker.uid}/${slot}`);
    if (position !== undefined) found[slot] = position + 1;
  }
  return found;
}

/** A Pod of an unknown RuntimeClass gets no sandbox; until then nothing is promised about its mounts. */
function mountsRecursively(services: Services, pod: Pod): boolean {
  try {
    return services.recursiveReadOnly(services.runtimeHandler(pod));
  } catch {
    return false;
  }
}
