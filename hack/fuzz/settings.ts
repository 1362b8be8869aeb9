import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How much, and where it begins: FUZZ=100000 is the whole exercise (`npm run fuzz`), FUZZ_SEED=n goes on from there. Without them it is what
 * CI has time for. A failure names the seed that shows it again by itself: FUZZ=1 FUZZ_SEED=n.
 */
export function fuzzing(usual: number): { readonly count: number; readonly first: number; readonly isLong: boolean } {
  const count = Number(process.env.FUZZ ?? usual);
  return { count, first: Number(process.env.FUZZ_SEED ?? 1), isLong: count > usual };
}

/** Bytes, most of them no text. */
export function randomBytes(int: (below: number) => number, most: number): Buffer {
  return Buffer.from(Array.from({ length: int(most) }, () => int(256)));
}

/** What a defect of ours looks like; a refusal is a sentence. */
export const DEFECT =
  /is not a function|is not iterable|Cannot (read|set) propert|undefined \(reading|Maximum call stack|Invalid array length|\[object /;

/** MiB of V8's heap after a collection, if there can be one. */
export function heapMiB(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
