import type { Clock } from './clock.ts';

/**
 * Calls a function for a key at once, and then at most once in `ms`, however often it is told; the last word is never lost (`seldom` drops
 * it). For news that each cost a write to the API server.
 */
export class Spaced<Key = void> implements Disposable {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #call: (key: Key) => void;
  /** Keys called less than `ms` ago. True: told of again since. */
  readonly #called = new Map<Key, boolean>();
  readonly #timers = new Set<Disposable>();

  /** `call` reads what it needs when it is called. */
  constructor(clock: Clock, ms: number, call: (key: Key) => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#call = call;
  }

  tell(...keys: readonly Key[]): void {
    const now = keys.filter((key) => !this.#called.has(key));
    for (const key of keys) this.#called.set(key, this.#called.has(key));
    if (now.length === 0) return;
    for (const key of now) this.#call(key);
    const timer = this.#clock.setTimer(this.#ms, () => {
      this.#timers.delete(timer);
      const again = now.filter((key) => this.#called.get(key));
      for (const key of now) this.#called.delete(key);
      this.tell(...again);
    });
    this.#timers.add(timer);
  }

  /** What was not called yet never is. */
  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }
}
