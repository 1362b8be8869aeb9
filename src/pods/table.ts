import { Listeners } from '../lib/disposables.ts';
import { KeyedListeners } from '../lib/keyedListeners.ts';
import type { PodEntry } from './entry.ts';
import type { TerminateRequest } from './facts.ts';
import type { FactUpdate } from './updates.ts';

/** The one owner of a Pod, as the table knows it: its worker. */
export interface PodOwner {
  readonly uid: string;
  readonly entry: PodEntry;
  /** Takes news into the Pod's facts and wakes. */
  learn(update: FactUpdate): void;
  /** Adds a request to end the Pod, and wakes. */
  end(request: TerminateRequest): void;
  wake(): void;
}

/**
 * All Pods of the node, by UID. It is made first and empty; workers enter it, everybody else reads it, hands in news (`learn`) or asks for
 * a Pod's end (`end`), and nobody needs to know who owns the Pod. It decides nothing.
 */
export class PodTable {
  readonly #owners = new Map<string, PodOwner>();
  readonly #decided = new Listeners<[PodEntry]>();
  readonly #ended = new Listeners<[string]>();
  readonly #changed = new KeyedListeners();

  get(uid: string): PodEntry | undefined {
    return this.#owners.get(uid)?.entry;
  }

  has(uid: string): boolean {
    return this.#owners.has(uid);
  }

  all(): PodEntry[] {
    return [...this.#owners.values()].map((owner) => owner.entry);
  }

  /** Hands news to the Pod; its worker wakes by itself. Returns false, and does nothing, when there is no such Pod any more. */
  learn(uid: string, update: FactUpdate): boolean {
    const owner = this.#owners.get(uid);
    owner?.learn(update);
    return owner !== undefined;
  }

  /** Asks for the Pod's end; requests add up. Returns false when there is no such Pod any more. */
  end(uid: string, request: TerminateRequest): boolean {
    const owner = this.#owners.get(uid);
    owner?.end(request);
    return owner !== undefined;
  }

  /** A fact of the whole node changed: every Pod looks at it. */
  wakeAll(): void {
    for (const owner of this.#owners.values()) owner.wake();
  }

  /** After each decision of any Pod, when its turn is over; not for one of which nothing is left by then. */
  onDecided(listener: (entry: PodEntry) => void): Disposable {
    return this.#decided.add(listener);
  }

  /** Nothing of the Pod is left. */
  onEnded(listener: (uid: string) => void): Disposable {
    return this.#ended.add(listener);
  }

  /** After each decision of any Pod, and when one is over. */
  onAnyChange(listener: () => void): Disposable {
    const both = new DisposableStack();
    both.use(this.onDecided(() => listener()));
    both.use(this.onEnded(() => listener()));
    return both;
  }

  /** Whenever what is known of this Pod may have changed, and when it is over. */
  onChange(uid: string, listener: () => void): Disposable {
    return this.#changed.add(uid, listener);
  }

  /** A worker takes the Pod; only podworker/workers.ts calls this and what follows. */
  enter(owner: PodOwner): void {
    this.#owners.set(owner.uid, owner);
  }

  /** A turn of the Pod's worker is over. */
  decided(owner: PodOwner): void {
    if (this.#owners.get(owner.uid) !== owner) return;
    this.#decided.emit(owner.entry);
    this.#changed.emit(owner.uid);
  }

  /** The worker is over. */
  leave(uid: string): void {
    if (!this.#owners.delete(uid)) return;
    this.#ended.emit(uid);
    this.#changed.emit(uid);
  }
}
