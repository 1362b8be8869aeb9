import { LruMap } from '../../lib/lru.ts';

interface Kept<T> {
  readonly value: T;
  readonly until: number;
}

/** Answers of a review API: kept for as long as each one allows, and asked for once however many requests wait for it. */
export class AnswerCache<T> {
  readonly #mono: () => number;
  readonly #yes: LruMap<string, Kept<T>>;
  readonly #no: LruMap<string, Kept<T>>;
  readonly #isYes: (value: T) => boolean;
  readonly #asking = new Map<string, Promise<T>>();

  /** Keeps `max` answers of each sort: whoever asks with many wrong tokens makes room among those. */
  constructor(mono: () => number, max: number, isYes: (value: T) => boolean) {
    this.#mono = mono;
    this.#yes = new LruMap(max);
    this.#no = new LruMap(max);
    this.#isYes = isYes;
  }

  /** `ttl` gives the milliseconds an answer is kept. A failure is never kept. */
  async get(key: string, ask: () => Promise<T>, ttl: (value: T) => number): Promise<T> {
    const now = this.#mono();
    for (const kept of [this.#yes.get(key), this.#no.get(key)]) if (kept && kept.until > now) return kept.value;
    const running = this.#asking.get(key);
    if (running) return running;
    const asking = ask().then((value) => {
      (this.#isYes(value) ? this.#yes : this.#no).set(key, { value, until: this.#mono() + ttl(value) });
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
