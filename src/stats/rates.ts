import { LruMap } from '../lib/lru.ts';

interface Sample {
  readonly total: number;
  readonly atMs: number;
  readonly rate: number | undefined;
}

/** Two readings closer than this say nothing about a rate. */
const MIN_MS = 1_000;

/** CPU use per second from totals that are read now and then. */
export class Rates {
  readonly #samples = new LruMap<string, Sample>(4096);

  /** Nanocores of `key` at a new total of nanoseconds; undefined at its first reading. */
  nanoCores(key: string, total: number, atMs: number): number | undefined {
    const last = this.#samples.get(key);
    const elapsed = last ? atMs - last.atMs : 0;
    if (last && elapsed < MIN_MS && total >= last.total) return last.rate;
    const rate = last && total >= last.total ? Math.round(((total - last.total) / elapsed) * 1000) : undefined;
    this.#samples.set(key, { total, atMs, rate });
    return rate;
  }
}
