import { Backoff } from '../lib/backoffCounter.ts';
import { type Clock, realClock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { RateLimiter } from '../lib/limiter.ts';
import type { KubeObject } from '../types/k8s.ts';
import { isExpired } from './apiError.ts';
import type { Selector } from './callOptions.ts';
import type { ApiClient } from './client.ts';
import type { Kind, KindMap } from './resources.ts';
import type { Prepare, WatchEvent } from './watch.ts';

/** How the copy of the server's state is kept up: `listing` at first, then `connected`, or `retrying` with the reason. */
export type ReflectorState =
  | { readonly state: 'listing' }
  | { readonly state: 'connected' }
  | { readonly state: 'retrying'; readonly reason: string; readonly error: unknown; readonly inMs: number };

/** Called in order, each after the reflector's own copy has changed. */
export interface ReflectorCallbacks<T> {
  readonly onAdd?: (object: T) => void;
  readonly onUpdate?: (object: T, old: T) => void;
  /** The last known version; an object replaced by another of its name is deleted and added. */
  readonly onDelete?: (last: T) => void;
  /** After every complete list, the changes to the copy being reported already. */
  readonly onSync?: (objects: readonly T[]) => void;
  readonly onState?: (state: ReflectorState) => void;
  /** `onAdd`, `onUpdate` or `onDelete` has thrown for this object; the others go on. Default: told as a rejection that nobody waits for. */
  readonly onDefect?: (error: unknown, object: T) => void;
}

export interface ReflectorOptions<T> {
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly prepare?: Prepare<T>;
  /** Objects a page of the list: a page is parsed in one go, so it should stay under half a megabyte. Default 250. */
  readonly pageSize?: number;
  /** The wait before the next attempt after this error; undefined for the usual back-off. */
  readonly retryDelay?: (error: unknown, attempt: number) => number | undefined;
  /** Holds back lists, but not those that `retryDelay` asks for. */
  readonly limiter?: Pick<RateLimiter, 'acquire'>;
}

/** As client-go: a watch lives five to ten minutes, so that a fleet's watches spread over API servers again after a restart. */
const WATCH_SECONDS = 300;
const PAGE = 250;
/** Shorter than client-go's 30 s: a node asks for little, and its Pods wait for the answer. */
const BACKOFF = { initialMs: 100, maxMs: 8_000, jitter: 1 };
/** A watch that ended sooner did no good: wait before the next, or a broken proxy makes a busy loop. */
const SHORT_WATCH_MS = 1000;

const keyOf = (object: KubeObject) => `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;

/** Keeps a copy of a kind (or a selected part of it): list, then watch from there, again and again until disposed. */
export class Reflector<K extends Kind> implements Disposable {
  readonly #client: ApiClient;
  readonly #kind: K;
  readonly #selector: Selector;
  readonly #callbacks: ReflectorCallbacks<KindMap[K]>;
  readonly #options: ReflectorOptions<KindMap[K]>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  readonly #objects = new Map<string, KindMap[K]>();
  #version: string | undefined;
  #synced = false;
  #attempt = 0;
  #hurried = false;
  #state: ReflectorState = { state: 'listing' };

  constructor(
    client: ApiClient,
    kind: K,
    selector: Selector,
    callbacks: ReflectorCallbacks<KindMap[K]>,
    options: ReflectorOptions<KindMap[K]> = {},
  ) {
    this.#client = client;
    this.#kind = kind;
    this.#selector = selector;
    this.#callbacks = callbacks;
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(BACKOFF, this.#random);
  }

  /** Starts and returns itself. Never rejects: what goes wrong is reported through onState and tried again. */
  start(): this {
    void this.#run();
    return this;
  }

  /** The copy, by `namespace/name` (`/name` for cluster-wide kinds). */
  objects(): ReadonlyMap<string, KindMap[K]> {
    return this.#objects;
  }

  /** True after the first complete list; stays true while the server is away. */
  synced(): boolean {
    return this.#synced;
  }

  state(): ReflectorState {
    return this.#state;
  }

  /** Stops watching; no callback comes after it. The copy stays readable. */
  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list();
        if (!signal.aborted) await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        // An expired version is no fault: list again, at once the first time.
        const expired = isExpired(error) && this.#version !== undefined;
        if (expired) this.#version = undefined;
        if (!(expired && this.#attempt === 0)) await this.#pause(error);
        else this.#attempt++;
      }
    }
  }

  async #list(): Promise<void> {
    const found: KindMap[K][] = [];
    let version: string | undefined;
    let next: string | undefined;
    if (this.#options.limiter && !this.#hurried) await this.#options.limiter.acquire(this.#abort.signal);
    do {
      const options = {
        ...this.#selector,
        limit: this.#options.pageSize ?? PAGE,
        signal: this.#abort.signal,
        ...(next === undefined ? null : { continue: next }),
      };
      const page = await this.#client.listPrepared(this.#kind, options, this.#options.prepare);
      found.push(...page.items);
      version = page.resourceVersion;
      next = page.continue;
    } while (next !== undefined);
    if (this.#abort.signal.aborted) return;
    this.#replace(found);
    this.#version = version;
    this.#synced = true;
    this.#callbacks.onSync?.(found);
  }

  async #watch(): Promise<void> {
    const started = this.#clock.now().mono;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + this.#random()));
    const tooLong = new AbortController();
    // The server should end the watch by itself; if it forgets, we do.
    using _timer = this.#clock.setTimer((timeoutSeconds + 30) * 1000, () =>
      tooLong.abort(new Error('the server did not end the watch')),
    );
    await this.#client.watch(this.#kind, {
      ...this.#selector,
      ...(this.#version === undefined ? null : { resourceVersion: this.#version }),
      ...(this.#options.prepare === undefined ? null : { prepare: this.#options.prepare }),
      timeoutSeconds,
      signal: AbortSignal.any([this.#abort.signal, tooLong.signal]),
      onEvent: (event) => this.#apply(event),
      onOpen: () => this.#setState({ state: 'connected' }),
    });
    if (this.#abort.signal.aborted) return;
    if (this.#clock.now().mono - started >= SHORT_WATCH_MS) this.#progress();
    else await this.#pause(new Error('the server ended the watch at once'));
  }

  #apply(event: WatchEvent<KindMap[K]>): void {
    if (this.#abort.signal.aborted) return;
    const object = event.object as KindMap[K] & KubeObject;
    const version = object.metadata?.resourceVersion;
    if (version !== undefined) this.#version = version;
    this.#progress();
    if (event.type === 'BOOKMARK') return;
    if (event.type === 'DELETED') this.#remove(keyOf(object), object);
    else this.#set(object);
  }

  #progress(): void {
    this.#backoff.reset();
    this.#attempt = 0;
  }

  #replace(found: readonly KindMap[K][]): void {
    const keys = new Set(found.map((object) => keyOf(object as KubeObject)));
    for (const [key, last] of [...this.#objects]) if (!keys.has(key)) this.#remove(key, last);
    for (const object of found) this.#set(object);
  }

  #set(object: KindMap[K]): void {
    const key = keyOf(object as KubeObject);
    const old = this.#objects.get(key);
    const { uid, resourceVersion } = (old as KubeObject | undefined)?.metadata ?? {};
    const meta = (object as KubeObject).metadata;
    if (old !== undefined && uid === meta?.uid) {
      if (resourceVersion === meta?.resourceVersion) return;
      this.#objects.set(key, object);
      this.#tell(object, () => this.#callbacks.onUpdate?.(object, old));
      return;
    }
    if (old !== undefined) this.#remove(key, old);
    this.#objects.set(key, object);
    this.#tell(object, () => this.#callbacks.onAdd?.(object));
  }

  #remove(key: string, last: KindMap[K]): void {
    if (this.#objects.delete(key)) this.#tell(last, () => this.#callbacks.onDelete?.(last));
  }

  /** One object that a listener cannot bear must not keep all others from being known. */
  #tell(object: KindMap[K], callback: () => void): void {
    try {
      callback();
    } catch (error) {
      if (this.#callbacks.onDefect) this.#callbacks.onDefect(error, object);
      else void Promise.reject(error);
    }
  }

  async #pause(error: unknown): Promise<void> {
    const attempt = this.#attempt++;
    const soon = this.#options.retryDelay?.(error, attempt);
    this.#hurried = soon !== undefined;
    const inMs = soon ?? this.#backoff.next();
    this.#setState({ state: 'retrying', reason: errorMessage(error), error, inMs });
    await sleep(this.#clock, inMs, this.#abort.signal).catch(() => {});
  }

  #setState(state: ReflectorState): void {
    this.#state = state;
    if (!this.#abort.signal.aborted) this.#callbacks.onState?.(state);
  }
}
