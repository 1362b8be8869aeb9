import type { Clock } from './clock.ts';

/** Calls `fn` at most once in `ms`; calls in between are dropped. For log lines about what may happen thousands of times. */
export function seldom<Args extends unknown[]>(
  clock: Clock,
  ms: number,
  fn: (...args: Args) => void,
): (...args: Args) => void {
  let next = Number.NEGATIVE_INFINITY;
  return (...args) => {
    const { mono } = clock.now();
    if (mono < next) return;
    next = mono + ms;
    fn(...args);
  };
}
