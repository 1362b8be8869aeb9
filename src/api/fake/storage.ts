import { randomUUID } from 'node:crypto';
import { deepFreeze } from '../../lib/freeze.ts';
import type { KubeObject, Mutable } from '../../types/k8s.ts';
import { type Kind, RESOURCES } from '../resources.ts';
import type { Matcher } from './selectors.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

interface Change {
  readonly version: number;
  readonly kind: Kind;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
  /** The object of a DELETED event: the last state with the version of the deletion. */
  readonly last: KubeObject;
}

interface Watcher {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly matches: Matcher;
  readonly send: (type: EventType, object: KubeObject) => void;
}

const HISTORY = 20_000;

/** The fake's etcd: objects with resourceVersion and uid, and a history from which watches continue. */
export class Storage {
  #version = 1;
  #compacted = 0;
  readonly #objects = new Map<Kind, Map<string, KubeObject>>();
  readonly #history: Change[] = [];
  readonly #watchers = new Set<Watcher>();

  get version(): string {
    return String(this.#version);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  get(kind: Kind, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#objects.get(kind)?.get(keyOf(kind, namespace, name));
  }

  list(kind: Kind, namespace: string | undefined, matches: Matcher): KubeObject[] {
    const all = [...(this.#objects.get(kind)?.values() ?? [])];
    return all
      .filter((object) => (namespace === undefined || object.metadata?.namespace === namespace) && matches(object))
      .sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
  }

  /** Stores an object, giving it a new version, and a uid and creation time if it has none. Returns the frozen result. */
  put(kind: Kind, object: KubeObject): KubeObject {
    const stored = JSON.parse(JSON.stringify(object)) as Mutable<KubeObject>;
    stored.metadata ??= {};
    const meta = stored.metadata;
    if (RESOURCES[kind].namespaced) meta.namespace ??= 'default';
    else delete meta.namespace;
    const key = keyOf(kind, meta.namespace, meta.name!);
    const before = this.#objects.get(kind)?.get(key);
    meta.uid ??= before?.metadata?.uid ?? randomUUID();
    meta.creationTimestamp ??= before?.metadata?.creationTimestamp ?? apiTime(Date.now());
    meta.resourceVersion = String(++this.#version);
    const after = deepFreeze({ kind, apiVersion: RESOURCES[kind].apiVersion, ...stored } as KubeObject);
    if (!this.#objects.has(kind)) this.#objects.set(kind, new Map());
    this.#objects.get(kind)!.set(key, after);
    this.#publish({ version: this.#version, kind, before, after, last: after });
    return after;
  }

  remove(kind: Kind, namespace: string | undefined, name: string): KubeObject | undefined {
    const key = keyOf(kind, namespace, name);
    const before = this.#objects.get(kind)?.get(key);
    if (before === undefined) return undefined;
    this.#objects.get(kind)!.delete(key);
    const version = ++this.#version;
    const last = deepFreeze({ ...before, metadata: { ...before.metadata, resourceVersion: String(version) } });
    this.#publish({ version, kind, before, after: undefined, last });
    return last;
  }

  /** Forgets the history: watches from an older version get 410. */
  compact(): void {
    this.#history.length = 0;
    this.#compacted = this.#version;
  }

  /** Sends a bookmark to every watch. */
  bookmark(): void {
    for (const { kind, send } of this.#watchers) send('BOOKMARK', this.#bookmarkOf(kind));
  }

  /** Starts a watch after `from` ("" and "0": with everything there is now first). Events come at once and later, in order. */
  watch(watcher: Watcher, from: string): Disposable {
    const since = Number(from || 0);
    if (since === 0) {
      for (const object of this.list(watcher.kind, watcher.namespace, watcher.matches)) watcher.send('ADDED', object);
    } else if (since < this.#compacted) {
      const message = `too old resource version: ${since} (${this.#compacted})`;
      const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired', message };
      watcher.send('ERROR', status as KubeObject);
      return { [Symbol.dispose]() {} };
    } else {
      for (const change of this.#history) if (change.version > since) deliver(watcher, change);
    }
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  #bookmarkOf(kind: Kind): KubeObject {
    return { kind, apiVersion: RESOURCES[kind].apiVersion, metadata: { resourceVersion: this.version } };
  }

  #publish(change: Change): void {
    this.#history.push(change);
    if (this.#history.length > HISTORY) this.#compacted = this.#history.shift()!.version;
    for (const watcher of [...this.#watchers]) deliver(watcher, change);
  }
}

/** A watch with a selector sees an object come and go as it begins and ceases to match. */
function deliver(watcher: Watcher, { kind, before, after, last }: Change): void {
  if (watcher.kind !== kind) return;
  if (watcher.namespace !== undefined && watcher.namespace !== last.metadata?.namespace) return;
  const was = before !== undefined && watcher.matches(before);
  const is = after !== undefined && watcher.matches(after);
  if (is) watcher.send(was ? 'MODIFIED' : 'ADDED', after);
  else if (was) watcher.send('DELETED', last);
}

function keyOf(kind: Kind, namespace: string | undefined, name: string): string {
  return RESOURCES[kind].namespaced ? `${namespace ?? 'default'}/${name}` : name;
}

/** metav1.Time on the wire: whole seconds. */
export function apiTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
