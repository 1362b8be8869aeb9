import type { Observations } from './observations.ts';
import { nanoAt, type Threshold } from './thresholds.ts';

/** kubelet's evictionMonitoringPeriod. */
export const PERIOD_MS = 10_000;
const SHORTEST_MS = 1_000;

/** A look at the node. */
export interface Look {
  readonly atMs: number;
  readonly observations: Observations;
}

/**
 * When to look again, in ms: after the usual period, or sooner when a figure falls so fast that a threshold may be crossed within it.
 * That is what stands in for the kernel's memory notifications, for disks and tasks too.
 */
export function nextLookMs(thresholds: readonly Threshold[], before: Look | undefined, now: Look): number {
  if (!before || now.atMs <= before.atMs) return PERIOD_MS;
  const waits = thresholds.map(({ signal, value }) => {
    const [was, is] = [before.observations[signal], now.observations[signal]];
    if (!was || !is || is.available >= was.available) return PERIOD_MS;
    const left = is.available - Number(nanoAt(value, is.capacity) / 1_000_000_000n);
    const perMs = (was.available - is.available) / (now.atMs - before.atMs);
    // Half of the time that is left at this speed, because it may grow.
    return left <= 0 ? PERIOD_MS : left / perMs / 2;
  });
  return Math.max(SHORTEST_MS, Math.min(PERIOD_MS, ...waits));
}
