// Random choices that a seed repeats.
let state = 1;

/** Begins the sequence that belongs to a seed. */
export function setSeed(seed: number): void {
  state = seed >>> 0;
}

/** The next number, 0 ≤ n < 1 (mulberry32). */
export function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

/** A whole number from `low` to `high`, both included. */
export function between(low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** One of a list. */
export function pick<T>(list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}
