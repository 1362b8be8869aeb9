import { LruMap } from '../../lib/lru.ts';

interface Kept<T> {
  readonly value: T;
  readonly until: number;
}

/** Answers of a review API: kept for as long as each one allows, and asked for once however many requests wait for it. */
export class AnswerCache<T> {
  readonly #mono: () => number;
  readonly #kept: LruMap<string, Kept<T>>;
  readonly #asking = new Map<string, Promise<T>>();

  constructor(mono: () => number, max: number) {
    this.#mono = mono;
    this.#kept = new LruMap(max);
  }

  /** `ttl` gives the milliseconds an answer is kept. A failure is never kept. */
  async get(key: string, ask: () => Promise<T>, ttl: (value: T) => number): Promise<T> {
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#mono()) return kept.value;
    const running = this.#asking.get(key);
    if (running) return running;
    const asking = ask().then((value) => {
      this.#kept.set(key, { value, until: this.#mono() + ttl(value) });
      return value;
    });
    this.#asking.set(key, asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(key);
    }
  }
}
