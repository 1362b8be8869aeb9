import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from '../../src/types/k8s.ts';
import type { Api } from './api.ts';

/** One state of an object, and when this program heard of it (monotonic ms). */
export interface Version<T> {
  readonly at: number;
  readonly gone: boolean;
  readonly object: T;
}

/** How long a condition may take before a test gives up: these machines' speed changes sevenfold. */
export const patience = 240_000;

const keyOf = (object: KubeObject): string => `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
const uidOf = (object: KubeObject): string => object.metadata?.uid ?? '';

/**
 * A whole collection of API objects, followed by one watch for all tests, with the history of every object: tests wait for
 * conditions without asking the server, and can look at what happened in between. It follows again after the server was away.
 */
export class Collection<T extends KubeObject> implements AsyncDisposable {
  readonly #api: Api;
  readonly #url: string;
  readonly #now = new Map<string, T>();
  readonly #history = new Map<string, Version<T>[]>();
  readonly #listeners = new Set<() => void>();
  readonly #end = new AbortController();
  readonly #following: Promise<void>;

  constructor(api: Api, url: string) {
    this.#api = api;
    this.#url = url;
    this.#following = this.#follow();
  }

  /** The object as last heard of. */
  get(namespace: string, name: string): T | undefined {
    return this.#now.get(`${namespace}/${name}`);
  }

  /** All objects, of one namespace or of all. */
  all(namespace?: string): T[] {
    return [...this.#now.values()].filter((o) => namespace === undefined || o.metadata?.namespace === namespace);
  }

  /** Every state heard of, of the object with this UID. */
  history(uid: string): readonly Version<T>[] {
    return this.#history.get(uid) ?? [];
  }

  /** Everything that ever had this namespace: one history per UID. */
  histories(namespace: string): (readonly Version<T>[])[] {
    return [...this.#history.values()].filter((h) => h[0]?.object.metadata?.namespace === namespace);
  }

  /** Waits until `condition` returns something truthy; it is asked again after every change. Throws with `describe` when it never does. */
  until<R>(what: string, condition: () => R, limit = patience, describe?: () => string): Promise<NonNullable<R>> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const look = (): void => {
        try {
          const value = condition();
          if (!value) return;
          done();
          resolve(value as NonNullable<R>);
        } catch (error) {
          done();
          reject(error);
        }
      };
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      timer = setTimeout(() => {
        done();
        const last = describe ? `; last seen: ${describe()}` : '';
        reject(new Error(`gave up waiting for ${what} after ${limit / 1000} s${last}`));
      }, limit);
      this.#listeners.add(look);
      look();
    });
  }

  async #follow(): Promise<void> {
    while (!this.#end.signal.aborted) {
      try {
        let version = await this.#list();
        for await (const change of this.#api.watch<T>(this.#url, version, this.#end.signal)) {
          if (change.type === 'ERROR') break;
          version = change.object.metadata?.resourceVersion ?? version;
          if (change.type !== 'BOOKMARK') this.#take(change.object, change.type === 'DELETED');
        }
      } catch {
        // The server is away: tests do that to it. A server that stays away shows as a condition that never comes true.
        if (!this.#end.signal.aborted) await delay(200);
      }
    }
  }

  async #list(): Promise<string> {
    const { items, metadata } = await this.#api.get<{ items: T[]; metadata: { resourceVersion: string } }>(this.#url);
    const uids = new Set(items.map(uidOf));
    for (const known of [...this.#now.values()]) if (!uids.has(uidOf(known))) this.#take(known, true);
    for (const item of items) {
      if (this.#now.get(keyOf(item))?.metadata?.resourceVersion !== item.metadata?.resourceVersion)
        this.#take(item, false);
    }
    return metadata.resourceVersion;
  }

  #take(object: T, gone: boolean): void {
    const key = keyOf(object);
    if (!gone) this.#now.set(key, object);
    else if (uidOf(this.#now.get(key) ?? {}) === uidOf(object)) this.#now.delete(key);
    const uid = uidOf(object);
    const versions = this.#history.get(uid) ?? [];
    versions.push({ at: performance.now(), gone, object });
    this.#history.set(uid, versions);
    for (const look of [...this.#listeners]) look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#following;
  }
}
