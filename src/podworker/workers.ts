import type { ListedPod } from '../cri/observed.ts';
import { disposable } from '../lib/disposables.ts';
import type { PodOrigin } from '../pods/facts.ts';
import type { Pod } from '../types/k8s.ts';
import { FactSheet } from './factSheet.ts';
import type { Checkpoint } from './rules/actions.ts';
import { restore } from './rules/checkpointed.ts';
import { differsFromList } from './rules/listed.ts';
import { freshMemory } from './rules/memory.ts';
import { StaticNames } from './staticNames.ts';
import { PodWorker } from './worker.ts';
import type { PodWorkersPorts } from './workerPorts.ts';

interface Held {
  readonly worker: PodWorker;
  readonly own: Disposable;
  /** A static Pod that came back under the same UID while its earlier incarnation was ending. */
  next?: { readonly pod: Pod; readonly origin: PodOrigin };
}

/** All Pod workers of the node: one per UID. It decides nothing; it only makes sure that each Pod has its one owner. */
export class PodWorkers {
  readonly #ports: PodWorkersPorts;
  readonly #held = new Map<string, Held>();
  readonly #names = new StaticNames();
  /** UIDs whose leftovers are being removed, each with what a source said of it meanwhile. */
  readonly #reserved = new Map<string, Held['next']>();
  #checkpoints = new Map<string, Checkpoint>();
  #sourcesReady = false;
  #listSeq: number | undefined;
  #stopped = false;
  readonly #listed = new Set<string>();

  constructor(ports: PodWorkersPorts) {
    this.#ports = ports;
  }

  /** The notes of an earlier life, before any Pod is heard of. Each serves the first worker of its UID. */
  adopt(checkpoints: ReadonlyMap<string, Checkpoint>): void {
    this.#checkpoints = new Map(checkpoints);
  }

  get(uid: string): PodWorker | undefined {
    return this.#held.get(uid)?.worker;
  }

  all(): PodWorker[] {
    return [...this.#held.values()].map((h) => h.worker);
  }

  /** A source has this Pod, new or changed. What it throws is told of this Pod: the source goes on to its next one. */
  set(pod: Pod, origin: PodOrigin): void {
    try {
      this.#set(pod, origin);
    } catch (error) {
      const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
      this.#ports.defect({ uid, namespace, name }, error);
    }
  }

  #set(pod: Pod, origin: PodOrigin): void {
    const uid = pod.metadata?.uid ?? '';
    if (this.#reserved.has(uid)) return void this.#reserved.set(uid, { pod, origin });
    const held = this.#held.get(uid);
    if (held && origin !== 'api' && isLeaving(held.worker)) {
      held.next = { pod, origin };
      held.worker.learn({ kind: 'returning', under: { restartPolicy: pod.spec?.restartPolicy } });
      return;
    }
    const worker =
      held?.worker ??
      this.#open({ uid, namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '' }, origin, pod);
    if (origin !== 'api') worker.learn({ kind: 'nameTaken', by: this.#names.enter(fullName(pod), uid) });
    worker.setPod(pod, origin);
    if (origin === 'api') worker.learn({ kind: 'accepted', status: pod.status, written: false });
    this.#ports.changed(worker, pod);
  }

  /** A source dropped this Pod; `pod` is its last version. */
  remove(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    if (this.#reserved.has(uid)) return void this.#reserved.set(uid, undefined);
    const held = this.#held.get(uid);
    if (!held) return;
    delete held.next;
    held.worker.learn({ kind: 'returning', under: undefined });
    held.worker.setGone(pod);
  }

  /**
   * Takes the UID of a Pod that no worker has, so that what it left behind can be removed: one that comes back waits until the result is
   * disposed. Undefined when a worker has it, or somebody else took it.
   */
  reserve(uid: string): Disposable | undefined {
    if (this.#held.has(uid) || this.#reserved.has(uid)) return undefined;
    this.#reserved.set(uid, undefined);
    return disposable(() => {
      const waiting = this.#reserved.get(uid);
      this.#reserved.delete(uid);
      if (!waiting || this.#stopped) return;
      this.set(waiting.pod, waiting.origin);
    });
  }

  /** Every source has reported: what none of them knows may be ended from now on. */
  sourcesSynced(): void {
    this.#sourcesReady = true;
    // Whoever needs his note has it by now: all that runs was listed before, and all that should run is known.
    this.#checkpoints.clear();
    for (const worker of this.all()) worker.learn({ kind: 'sourcesReady' });
  }

  /** Something in the runtime may have changed for this Pod. An event only wakes: what is there is read. */
  hint(uid: string): void {
    this.get(uid)?.hint();
  }

  /** A full list of the runtime: finds Pods that nobody knows, and repairs what a lost event left behind. */
  listed(pods: readonly ListedPod[], seq: number): void {
    this.#listSeq = seq;
    const found = new Map(pods.map((p) => [p.uid, p]));
    for (const p of pods) this.#listed.add(p.uid);
    for (const worker of this.all()) if (differsFromList(worker.runtime, found.get(worker.uid))) worker.lookAgain();
    for (const p of pods)
      if (!this.#held.has(p.uid) && !this.#reserved.has(p.uid)) this.#open(p, 'runtime', null).wake();
  }

  /** A worker says that nothing is left of its Pod. */
  done(uid: string): void {
    const held = this.#held.get(uid);
    if (!held) return;
    held.worker.stop();
    held.own[Symbol.dispose]();
    this.#held.delete(uid);
    this.#ports.table.leave(uid);
    this.#listed.delete(uid);
    const { pod, origin } = held.worker;
    if (pod && origin !== 'api') this.#passName(fullName(pod), uid);
    if (!held.next) return;
    this.#listed.add(uid); // what it left behind is its next life's past
    this.set(held.next.pod, held.next.origin);
  }

  /** Stops every worker; the Pods go on running. */
  stop(): void {
    this.#stopped = true;
    for (const { worker, own } of this.#held.values()) {
      worker.stop();
      own[Symbol.dispose]();
    }
    this.#held.clear();
  }

  #passName(name: string, uid: string): void {
    const [holder, ...others] = this.#names.leave(name, uid);
    for (const waiting of [holder, ...others]) {
      const worker = waiting === undefined ? undefined : this.get(waiting);
      if (!worker) continue;
      worker.learn({ kind: 'nameTaken', by: waiting === holder ? undefined : holder });
    }
  }

  #open(
    { uid, namespace, name }: Pick<ListedPod, 'uid' | 'namespace' | 'name'>,
    origin: PodOrigin,
    pod: Pod | null,
  ): PodWorker {
    const sheet = new FactSheet({ uid, namespace, name, seed: this.#ports.random() }, this.#ports.recorded(uid));
    if (this.#sourcesReady) sheet.learn({ kind: 'sourcesReady' });
    // The full list shows everything that existed before this process: a Pod that is not in it has nothing in the runtime yet.
    if (pod && this.#listSeq !== undefined && !this.#listed.has(uid)) {
      sheet.observation.read({ uid, namespace, name, seq: this.#listSeq, sandboxes: [], containers: [] });
    }
    const memory = restore(freshMemory(), this.#checkpoints.get(uid));
    this.#checkpoints.delete(uid);
    const worker = new PodWorker({ ...this.#ports, done: (u) => this.done(u) }, sheet, memory);
    const own = this.#ports.opened(worker, origin, pod);
    this.#held.set(uid, { worker, own });
    this.#ports.table.enter(worker);
    return worker;
  }
}

/** What a static Pod returns to is its earlier incarnation: dropped by its source, or ended because no source had it at the start. */
function isLeaving({ gone, memory }: PodWorker): boolean {
  return gone || memory.termination?.cause === 'orphaned';
}

function fullName(pod: Pod): string {
  return `${pod.metadata?.namespace}/${pod.metadata?.name}`;
}
