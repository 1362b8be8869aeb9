import { backoffDelay } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** Between attempts to unprepare the claims of Pods that nobody knows any more. */
const RETRY = { initialMs: 1000, maxMs: 60_000, jitter: 0.2 };

/** What retries need of the node. */
export interface ClaimLeftoversOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

/** Pods that nobody knows any more and that have claims: these are given back, however long that takes. Disposing ends the attempts. */
export class ClaimLeftovers implements Disposable {
  readonly #options: ClaimLeftoversOptions;
  readonly #unprepare: (uid: string, signal: AbortSignal) => Promise<void>;
  readonly #ended = new AbortController();
  /** By UID; without a timer while an attempt is under way. */
  readonly #timers = new Map<string, Disposable | undefined>();

  constructor(options: ClaimLeftoversOptions, unprepare: (uid: string, signal: AbortSignal) => Promise<void>) {
    this.#options = options;
    this.#unprepare = unprepare;
  }

  /** Begins now; harmless while an attempt for this Pod is under way. */
  giveBack(uid: string): void {
    this.#attempt(uid, 0);
  }

  /** Tries now what waits for its next attempt. False: this Pod does not wait here for one. */
  again(uid: string): boolean {
    if (!this.#timers.get(uid)) return false;
    this.#attempt(uid, 0);
    return true;
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    for (const timer of this.#timers.values()) timer?.[Symbol.dispose]();
  }

  #attempt(uid: string, attempt: number): void {
    const { clock, random, log } = this.#options;
    const timer = this.#timers.get(uid);
    if (this.#ended.signal.aborted || (this.#timers.has(uid) && !timer)) return;
    timer?.[Symbol.dispose]();
    this.#timers.set(uid, undefined);
    this.#unprepare(uid, this.#ended.signal).then(
      () => this.#timers.delete(uid),
      (error) => {
        if (this.#ended.signal.aborted) return;
        log.warn('Claims of a Pod that is gone are still prepared', { podUid: uid, error: errorMessage(error) });
        const next = clock.setTimer(backoffDelay(RETRY, attempt, random()), () => this.#attempt(uid, attempt + 1));
        this.#timers.set(uid, next);
      },
    );
  }
}
