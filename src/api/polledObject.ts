import { type Clock, realClock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { RateLimiter } from '../lib/limiter.ts';
import type { KubeObject } from '../types/k8s.ts';
import { isNoRelationship, isObjectGone } from './apiError.ts';
import type { ObjectRef } from './callOptions.ts';
import type { ApiClient } from './client.ts';
import type { ReflectorCallbacks } from './reflector.ts';
import { type Kind, type KindMap, RESOURCES } from './resources.ts';

/** Kinds of which the Node authorizer lets a node GET single objects, and nothing more: no list, no watch. */
type PolledKind = 'PersistentVolumeClaim' | 'PersistentVolume';

/**
 * Whether anybody may still be waiting for the object to become something else. The Go kubelet asks ten times a second for what is not
 * ready, and about once a minute and a half for what is.
 */
const isSettled: { readonly [K in PolledKind]: (object: KindMap[K]) => boolean } = {
  PersistentVolumeClaim: ({ status, spec }) => status?.phase === 'Bound' && Boolean(spec?.volumeName),
  PersistentVolume: ({ spec }) => Boolean(spec?.claimRef?.uid),
};

/** Such an object can only be asked for again and again. */
export function isPolled(kind: Kind): kind is PolledKind {
  return Object.hasOwn(isSettled, kind);
}

const SETTLED_MS = 90_000;
const FIRST_MS = 100;
/** The longest wait for what is not ready: doubled up to it. */
const UNSETTLED_MS = 5_000;
const JITTER = 0.2;

export interface PolledObjectOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Holds back the first question. */
  readonly limiter?: Pick<RateLimiter, 'acquire'>;
  /** Holds back every further one. */
  readonly pollLimiter?: Pick<RateLimiter, 'acquire'>;
}

/**
 * One object kept current by asking for it: with the shape of a Reflector, for kinds that a node cannot watch. An error leaves the last
 * known value; disposing ends it.
 */
export class PolledObject<K extends Kind> implements Disposable {
  readonly #client: Pick<ApiClient, 'get'>;
  readonly #kind: K;
  readonly #ref: ObjectRef;
  readonly #callbacks: ReflectorCallbacks<KindMap[K]>;
  readonly #clock: Clock;
  readonly #random: () => number;
  #limiter: Pick<RateLimiter, 'acquire'> | undefined;
  readonly #pollLimiter: Pick<RateLimiter, 'acquire'> | undefined;
  readonly #abort = new AbortController();
  readonly #objects = new Map<string, KindMap[K]>();
  #synced = false;

  constructor(
    client: Pick<ApiClient, 'get'>,
    kind: K,
    ref: ObjectRef,
    callbacks: ReflectorCallbacks<KindMap[K]>,
    { clock = realClock, random = Math.random, limiter, pollLimiter }: PolledObjectOptions = {},
  ) {
    this.#limiter = limiter;
    this.#pollLimiter = pollLimiter;
    this.#client = client;
    this.#kind = kind;
    this.#ref = ref;
    this.#callbacks = callbacks;
    this.#clock = clock;
    this.#random = random;
  }

  /** The object under `namespace/name`, or nothing. */
  objects(): ReadonlyMap<string, KindMap[K]> {
    return this.#objects;
  }

  /** The API server has answered, so that absence is known. */
  synced(): boolean {
    return this.#synced;
  }

  start(): void {
    void this.#run();
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    for (let wait = FIRST_MS; !signal.aborted; ) {
      await this.#ask(wait);
      const settled = this.#isSettled();
      const pause = settled ? SETTLED_MS : wait;
      wait = settled ? FIRST_MS : Math.min(wait * 2, UNSETTLED_MS);
      await sleep(this.#clock, pause * (1 + JITTER * this.#random()), signal).catch(() => undefined);
    }
  }

  async #ask(nextMs: number): Promise<void> {
    const { signal } = this.#abort;
    try {
      await this.#limiter?.acquire(signal);
      this.#limiter = this.#pollLimiter;
      this.#take(await this.#client.get(this.#kind, this.#ref, { signal }));
    } catch (error) {
      if (signal.aborted) return;
      // Until the API server has connected the claim with its volume and both with this node, it denies that there is a relationship.
      if (!isNoRelationship(error) && isObjectGone(error, RESOURCES[this.#kind].plural, this.#ref.name))
        this.#take(undefined);
      else this.#callbacks.onState?.({ state: 'retrying', reason: errorMessage(error), error, inMs: nextMs });
    }
  }

  #take(object: KindMap[K] | undefined): void {
    const key = `${this.#ref.namespace ?? ''}/${this.#ref.name}`;
    const old = this.#objects.get(key);
    if (object) this.#objects.set(key, object);
    else this.#objects.delete(key);
    const first = !this.#synced;
    this.#synced = true;
    if (old && !object) this.#callbacks.onDelete?.(old);
    else if (object && !old) this.#callbacks.onAdd?.(object);
    else if (object && old && versionOf(object) !== versionOf(old)) this.#callbacks.onUpdate?.(object, old);
    if (first) this.#callbacks.onSync?.(object ? [object] : []);
  }

  #isSettled(): boolean {
    const [object] = this.#objects.values();
    const kind: Kind = this.#kind;
    return object !== undefined && isPolled(kind) && (isSettled[kind] as (o: KindMap[K]) => boolean)(object);
  }
}

function versionOf(object: KubeObject): string {
  return `${object.metadata?.uid} ${object.metadata?.resourceVersion}`;
}
