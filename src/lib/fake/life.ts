import type { Clock, Instant } from '../clock.ts';

/**
 * One life of a process, for tests that end it while its code goes on running: what is asked through it after its end has no effect, as
 * after kill -9. Its timers never come, and calls that would change something never return.
 */
export class Life implements Clock, Disposable {
  readonly #clock: Clock;
  readonly #timers = new Set<Disposable>();
  #over = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOver(): boolean {
    return this.#over;
  }

  now(): Instant {
    return this.#clock.now();
  }

  setTimer(ms: number, fn: () => void): Disposable {
    if (this.#over) return { [Symbol.dispose]() {} };
    const inner = this.#clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      fn();
    });
    const timer = {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
        inner[Symbol.dispose]();
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  /** `target`, of which these methods do nothing and never settle once the life is over. They must be async. */
  bound<T extends object>(target: T, methods: readonly (keyof T)[]): T {
    return new Proxy(target, {
      get: (of, key) => {
        const value = Reflect.get(of, key, of);
        if (typeof value !== 'function') return value;
        if (!methods.includes(key as keyof T)) return value.bind(of);
        return (...given: unknown[]) => (this.#over ? new Promise(() => {}) : Reflect.apply(value, of, given));
      },
    });
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }
}
