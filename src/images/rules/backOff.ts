import type { ImageFailure } from '../types.ts';

/** kubelet's image back-off: 10 s doubling to 300 s, without jitter; forgotten after twice the longest delay. */
const PULL_BACK_OFF = { initialMs: 10_000, maxMs: 300_000 } as const;

/** The delay after a failure at `now`, given the failure before it. A success in between passes undefined. */
export function nextBackOff(previous: ImageFailure | undefined, now: number): number {
  const { initialMs, maxMs } = PULL_BACK_OFF;
  if (!previous || now - previous.at > 2 * maxMs) return initialMs;
  return Math.min(previous.delayMs * 2, maxMs);
}
