import type { PullProgress } from '../types.ts';

/** One part (layer, manifest) that the runtime fetches. Bytes; times are wall ms. */
export interface Transfer {
  readonly offset: number;
  readonly total: number;
  readonly startedAt?: number;
  readonly updatedAt?: number;
}

/** Below this a rate says nothing. */
const MIN_MS = 500;

/**
 * All transfers as one: bytes, how many of them come each second, and for how long none has come. `shared`: more than one pull is running.
 * `now`: wall ms.
 */
export function summarize(transfers: readonly Transfer[], shared: boolean, now: number): PullProgress {
  let [offset, total, perSecond, last] = [0, 0, 0, 0];
  for (const one of transfers) {
    offset += one.offset;
    total += one.total;
    const { startedAt, updatedAt } = one;
    if (startedAt === undefined || updatedAt === undefined) continue;
    last = Math.max(last, updatedAt);
    if (updatedAt - startedAt >= MIN_MS) perSecond += (1000 * one.offset) / (updatedAt - startedAt);
  }
  return {
    ...{ offset, total, parts: transfers.length, shared },
    ...(perSecond > 0 && { bytesPerSecond: Math.round(perSecond) }),
    ...(last > 0 && { idleMs: Math.max(0, now - last) }),
  };
}
