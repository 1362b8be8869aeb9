import { type Clock, realClock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import type { Pod, StoredPod } from '../types/k8s.ts';
import type { ApiClient } from './client.ts';
import type { PodChange, PodSource } from './podSource.types.ts';
import { Reflector, type ReflectorState } from './reflector.ts';
import type { Prepare } from './watch.ts';

export interface ApiPodSourceOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Connection news: `retrying` carries the reason. */
  readonly onState?: (state: ReflectorState) => void;
}

/** The annotations that every Pod source sets; downward API volumes show them, as they do with the Go kubelet. */
const SOURCE_ANNOTATION = 'kubernetes.io/config.source';
const SEEN_ANNOTATION = 'kubernetes.io/config.seen';

/** Pods are large, some 10 KB each. */
const POD_PAGE = 50;

/** The Pods that the API server has bound to this node. */
export class ApiPodSource implements PodSource, Disposable {
  readonly name = 'api';
  readonly #reflector: Reflector<'Pod'>;
  readonly #pods = new Map<string, StoredPod>();
  readonly #firstSeen = new Map<string, string>();
  readonly #listeners = new Listeners<[PodChange]>();
  readonly #clock: Clock;
  #synced = false;

  constructor(client: ApiClient, nodeName: string, options: ApiPodSourceOptions = {}) {
    this.#clock = options.clock ?? realClock;
    this.#reflector = new Reflector(
      client,
      'Pod',
      { fieldSelector: `spec.nodeName=${nodeName}` },
      {
        onAdd: (pod) => this.#set(pod as StoredPod),
        onUpdate: (pod) => this.#set(pod as StoredPod),
        onDelete: (pod) => this.#remove(pod as StoredPod),
        onSync: () => this.#sync(),
        ...(options.onState ? { onState: options.onState } : null),
      },
      {
        clock: this.#clock,
        prepare: this.#mark,
        pageSize: POD_PAGE,
        ...(options.random ? { random: options.random } : null),
      },
    );
  }

  /** Starts to list and watch. */
  start(): this {
    this.#reflector.start();
    return this;
  }

  synced(): boolean {
    return this.#synced;
  }

  pods(): ReadonlyMap<string, StoredPod> {
    return this.#pods;
  }

  subscribe(listener: (change: PodChange) => void): Disposable {
    return this.#listeners.add(listener);
  }

  [Symbol.dispose](): void {
    this.#reflector[Symbol.dispose]();
  }

  #set(pod: StoredPod): void {
    this.#pods.set(pod.metadata.uid, pod);
    this.#listeners.emit({ type: 'set', pod });
  }

  #remove(pod: StoredPod): void {
    this.#pods.delete(pod.metadata.uid);
    this.#firstSeen.delete(pod.metadata.uid);
    this.#listeners.emit({ type: 'remove', pod });
  }

  #sync(): void {
    if (this.#synced) return;
    this.#synced = true;
    this.#listeners.emit({ type: 'synced' });
  }

  readonly #mark: Prepare<Pod> = (pod) => {
    const uid = pod.metadata?.uid ?? '';
    const seen = this.#firstSeen.get(uid) ?? new Date(this.#clock.now().wall).toISOString();
    // A watch's last event of a Pod passes here too: it must not leave an entry behind, so only `#remove` comes after it.
    this.#firstSeen.set(uid, seen);
    pod.metadata ??= {};
    pod.metadata.annotations = { ...pod.metadata.annotations, [SOURCE_ANNOTATION]: 'api', [SEEN_ANNOTATION]: seen };
  };
}
