import { type Clock, realClock } from '../lib/clock.ts';
import { disposable } from '../lib/disposables.ts';
import { KeyedListeners } from '../lib/keyedListeners.ts';
import type { RateLimiter } from '../lib/limiter.ts';
import type { ConfigMap, KubeObject } from '../types/k8s.ts';
import { isNoRelationship } from './apiError.ts';
import type { Selector } from './callOptions.ts';
import type { ApiClient } from './client.ts';
import { isPolled, PolledObject } from './polledObject.ts';
import { Reflector, type ReflectorCallbacks } from './reflector.ts';
import type { Kind, KindMap } from './resources.ts';

/** What is known of an object. `unknown` says why: not read yet, or what the API server answered. */
export type ObjectState<T> =
  | { readonly state: 'present'; readonly object: T }
  | { readonly state: 'absent' }
  | { readonly state: 'unknown'; readonly reason: string };

export interface ObjectStoreOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Kinds that are listed and watched as a whole (or by this selector) instead of object by object. */
  readonly whole?: Partial<Record<Kind, Selector>>;
  /** Holds back the first reading of objects. */
  readonly limiter?: Pick<RateLimiter, 'acquire'>;
  /**
   * Holds back further questions for those that cannot be watched. Another one: with the same, thousands of claims that stay unbound would hold
   * up what new Pods need.
   */
  readonly pollLimiter?: Pick<RateLimiter, 'acquire'>;
  /** How long a watch outlives its last subscriber; a Pod that is restarted soon needs the same objects. */
  readonly lingerMs?: number;
}

const LINGER_MS = 10_000;
/** The Node authorizer learns of a Pod within milliseconds of its binding; asked again in these steps, at first. */
const RELATION_STEP_MS = 50;
const RELATION_STEPS = 40;
const NOT_READ: ObjectState<never> = { state: 'unknown', reason: 'not read from the API server yet' };
const ABSENT: ObjectState<never> = { state: 'absent' };

interface Source<K extends Kind = Kind> {
  readonly reflector: Pick<Reflector<K>, 'objects' | 'synced'> & { start(): unknown } & Disposable;
  /** Subscribers by `namespace/name`. */
  readonly listeners: KeyedListeners;
  subscribers: number;
  /** Why there is no answer yet. */
  trouble: string | undefined;
  linger: Disposable | undefined;
}

/**
 * The API objects that Pods refer to. Any number of subscribers of one object share one watch and one decoded, frozen copy. The
 * last known value serves while the API server is away. Reads are never made on demand: subscribe first, then `get` is a look-up.
 */
export class ObjectStore implements Disposable {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #options: ObjectStoreOptions;
  readonly #sources = new Map<string, Source>();

  constructor(client: ApiClient, options: ObjectStoreOptions = {}) {
    this.#client = client;
    this.#clock = options.clock ?? realClock;
    this.#options = options;
  }

  /** What is known now. Namespace is undefined for cluster-wide kinds. */
  get<K extends Kind>(kind: K, namespace: string | undefined, name: string): ObjectState<KindMap[K]> {
    const source = this.#sources.get(this.#sourceKey(kind, namespace, name)) as Source<K> | undefined;
    if (!source) return { state: 'unknown', reason: 'nobody subscribed to it' };
    const object = source.reflector.objects().get(`${namespace ?? ''}/${name}`);
    if (object !== undefined) return { state: 'present', object };
    if (source.reflector.synced()) return ABSENT;
    return source.trouble === undefined ? NOT_READ : { state: 'unknown', reason: source.trouble };
  }

  /**
   * Calls `onChange` after each change of what `get` answers, never from within this call: look with `get` after subscribing.
   * Dispose to end it.
   */
  subscribe<K extends Kind>(
    kind: K,
    namespace: string | undefined,
    name: string,
    onChange: (state: ObjectState<KindMap[K]>) => void,
  ): Disposable {
    const key = this.#sourceKey(kind, namespace, name);
    const source = this.#sources.get(key) ?? this.#open(kind, namespace, name, key);
    source.linger?.[Symbol.dispose]();
    source.linger = undefined;
    source.subscribers++;
    const changed = () => onChange(this.get(kind, namespace, name));
    const listener = source.listeners.add(`${namespace ?? ''}/${name}`, changed);
    return disposable(() => {
      listener[Symbol.dispose]();
      source.subscribers--;
      if (source.subscribers === 0) this.#lingerThenClose(key, source);
    });
  }

  /** Subscribes until the object is known to be present or absent. Rejects with the signal's reason on abort. */
  async known<K extends Kind>(
    kind: K,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<ObjectState<KindMap[K]>> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ObjectState<KindMap[K]>>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    using _subscription = this.subscribe(kind, namespace, name, (state) => {
      if (state.state !== 'unknown') resolve(state);
    });
    const now = this.get(kind, namespace, name);
    if (now.state !== 'unknown') resolve(now);
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** How many lists or watches are kept. */
  get size(): number {
    return this.#sources.size;
  }

  [Symbol.dispose](): void {
    for (const source of this.#sources.values()) {
      source.linger?.[Symbol.dispose]();
      source.reflector[Symbol.dispose]();
    }
    this.#sources.clear();
  }

  #sourceKey(kind: Kind, namespace: string | undefined, name: string): string {
    return this.#options.whole?.[kind] ? kind : `${kind}/${namespace ?? ''}/${name}`;
  }

  #open<K extends Kind>(kind: K, namespace: string | undefined, name: string, key: string): Source {
    // A list by name instead of a GET: it answers as fast, and says from which version to watch even when the object is absent.
    const single = { fieldSelector: `metadata.name=${name}`, ...(namespace === undefined ? null : { namespace }) };
    const listeners = new KeyedListeners();
    const changed = (object: KindMap[K]) => {
      freezeWatch(object);
      const { namespace: ns = '', name: n } = (object as KubeObject).metadata ?? {};
      listeners.emit(`${ns}/${n}`);
    };
    // An immutable object cannot change any more; as in the Go kubelet, its watch ends then.
    const freezeWatch = (object: KindMap[K] | undefined) => {
      if (!this.#options.whole?.[kind] && (object as ConfigMap | undefined)?.immutable) reflector[Symbol.dispose]();
    };
    let first = true;
    const callbacks: ReflectorCallbacks<KindMap[K]> = {
      // Until the first list is complete `get` would call what has not come yet absent, so subscribers hear of it at once at its end.
      onAdd: (object) => first || changed(object),
      onUpdate: changed,
      onDelete: changed,
      onSync: (objects) => {
        source.trouble = undefined;
        freezeWatch(objects[0]);
        if (first) listeners.emitAll();
        first = false;
      },
      onState: (state) => {
        if (state.state !== 'retrying' || reflector.synced() || source.trouble === state.reason) return;
        source.trouble = state.reason;
        listeners.emitAll();
      },
    };
    const { random, limiter, pollLimiter } = this.#options;
    const common = { clock: this.#clock, ...(random ? { random } : null), ...(limiter ? { limiter } : null) };
    const ref = { name, ...(namespace === undefined ? null : { namespace }) };
    const reflector: Source<K>['reflector'] = isPolled(kind)
      ? new PolledObject<K>(this.#client, kind, ref, callbacks, {
          ...common,
          ...(pollLimiter ? { pollLimiter } : null),
        })
      : new Reflector(this.#client, kind, this.#options.whole?.[kind] ?? single, callbacks, {
          ...common,
          retryDelay: (error, attempt) =>
            isNoRelationship(error) && attempt < RELATION_STEPS ? RELATION_STEP_MS : undefined,
        });
    const source: Source = {
      reflector: reflector as unknown as Source['reflector'],
      listeners,
      subscribers: 0,
      trouble: undefined,
      linger: undefined,
    };
    this.#sources.set(key, source);
    reflector.start();
    return source;
  }

  #lingerThenClose(key: string, source: Source): void {
    source.linger = this.#clock.setTimer(this.#options.lingerMs ?? LINGER_MS, () => {
      source.reflector[Symbol.dispose]();
      this.#sources.delete(key);
    });
  }
}
