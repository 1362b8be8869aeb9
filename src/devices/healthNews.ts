import type { Clock } from '../lib/clock.ts';

/** How often a Pod hears of its devices' health at most, in ms: each time may be a write to the API server. */
export const HEALTH_NEWS_MS = 1000;

/** Tells Pods that the health of their devices has changed: at once, and then what it has come to once a second, however often it changes. */
export class HealthNews implements Disposable {
  readonly #clock: Clock;
  readonly #tell: (uid: string) => void;
  /** Pods that heard of it less than a second ago. True: it has changed since. */
  readonly #told = new Map<string, boolean>();
  readonly #timers = new Set<Disposable>();

  /** `tell` reads the health when it is called. */
  constructor(clock: Clock, tell: (uid: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  tell(uids: readonly string[]): void {
    const now = uids.filter((uid) => !this.#told.has(uid));
    for (const uid of uids) this.#told.set(uid, this.#told.has(uid));
    if (now.length === 0) return;
    for (const uid of now) this.#tell(uid);
    const timer = this.#clock.setTimer(HEALTH_NEWS_MS, () => {
      this.#timers.delete(timer);
      const changed = now.filter((uid) => this.#told.get(uid));
      for (const uid of now) this.#told.delete(uid);
      this.tell(changed);
    });
    this.#timers.add(timer);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }
}
