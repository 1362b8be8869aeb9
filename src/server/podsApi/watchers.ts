import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { EventType } from '../../plugins/generated/pods/pods.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { PodTable } from '../../pods/table.ts';
import { RpcStatus } from '../../rpc/service.ts';
import { encodePod } from './encodePod.ts';
import { isTold, toldPod } from './toldPod.ts';

/** What a watcher is sent. */
export interface ToldEvent {
  readonly type: EventType;
  readonly pod: Uint8Array;
}

/** Events that wait for a slow watcher, as with kubelet, and their bytes; one with more is dropped. */
const MAX_EVENTS = 100;
const MAX_BYTES = 8 * 1024 * 1024;

/** The events of one watcher that are not sent yet. */
export class Watcher {
  readonly #events: ToldEvent[] = [];
  #bytes = 0;
  #dropped = false;
  #wake: () => void = () => {};

  /** Returns false when there was no room: the watcher hears no more. */
  push(event: ToldEvent): boolean {
    if (this.#dropped) return true;
    this.#bytes += event.pod.length;
    this.#dropped = this.#events.length >= MAX_EVENTS || this.#bytes > MAX_BYTES;
    if (!this.#dropped) this.#events.push(event);
    this.#wake();
    return !this.#dropped;
  }

  /** The next event; undefined after the signal. Rejects when the watcher was dropped. */
  async next(signal: AbortSignal): Promise<ToldEvent | undefined> {
    while (this.#events.length === 0 && !this.#dropped && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#wake = wake;
      // Taken back after each wait: a watcher that stays for weeks would leave one for each event.
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      signal.removeEventListener('abort', wake);
    }
    if (this.#dropped) throw new RpcStatus(status.RESOURCE_EXHAUSTED, 'watch client channel closed');
    const event = signal.aborted ? undefined : this.#events.shift();
    this.#bytes -= event?.pod.length ?? 0;
    return event;
  }
}

/**
 * Tells watchers what changes: ADDED with a Pod's first status, MODIFIED with each other one, DELETED when it is over. Nothing is encoded
 * or remembered while nobody watches.
 */
export class Watchers implements Disposable {
  readonly #table: PodTable;
  readonly #onDropped: () => void;
  readonly #all = new Set<Watcher>();
  /** What was told last of each Pod: a digest; undefined: that it is over. */
  readonly #told = new Map<string, { readonly last: string | undefined; readonly entry: PodEntry }>();
  readonly #listening: DisposableStack;

  constructor(table: PodTable, onDropped: () => void) {
    this.#table = table;
    this.#onDropped = onDropped;
    this.#listening = new DisposableStack();
    this.#listening.use(table.onDecided((entry) => this.#look(entry)));
    this.#listening.use(table.onEnded((uid) => this.#ended(uid)));
  }

  /** A watcher of all that happens from now on. */
  add(): Watcher {
    if (this.#all.size === 0) for (const entry of this.#table.all()) if (isTold(entry)) this.#remember(entry);
    const watcher = new Watcher();
    this.#all.add(watcher);
    return watcher;
  }

  remove(watcher: Watcher): void {
    this.#all.delete(watcher);
    if (this.#all.size === 0) this.#told.clear();
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }

  /** Remembers a Pod as told; returns its bytes, or undefined when they were told already. */
  #remember(entry: PodEntry): Uint8Array | undefined {
    const over = entry.phase === 'Finished';
    const pod = encodePod(over ? nameOf(entry) : toldPod(entry));
    const last = over ? undefined : createHash('sha256').update(pod).digest('base64');
    const before = this.#told.get(entry.uid);
    if (before && before.last === last) return undefined;
    this.#told.set(entry.uid, { last, entry });
    return pod;
  }

  #look(entry: PodEntry): void {
    if (this.#all.size === 0 || !isTold(entry) || !entry.status) return;
    const isNew = !this.#told.has(entry.uid);
    const pod = this.#remember(entry);
    if (!pod) return;
    const added = isNew && entry.pod?.metadata?.deletionTimestamp === undefined;
    this.#send({ type: entry.phase === 'Finished' ? 'DELETED' : added ? 'ADDED' : 'MODIFIED', pod });
  }

  #ended(uid: string): void {
    const told = this.#told.get(uid);
    this.#told.delete(uid);
    if (told?.last !== undefined) this.#send({ type: 'DELETED', pod: encodePod(nameOf(told.entry)) });
  }

  #send(event: ToldEvent): void {
    for (const watcher of this.#all) if (!watcher.push(event)) this.#onDropped();
  }
}

/** Of a Pod that is over, kubelet tells which it was. */
function nameOf({ name, namespace, uid }: PodEntry) {
  return { metadata: { name, namespace, uid } };
}
