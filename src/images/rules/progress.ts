import type { PullProgress } from '../types.ts';
import type { ImagePart } from './imageParts.ts';

/** One part (layer, manifest) that the runtime fetches. Bytes; times are wall ms. */
export interface Transfer {
  /** The runtime's name of it, which ends with the part's digest. */
  readonly ref?: string;
  readonly offset: number;
  readonly total: number;
  readonly startedAt?: number;
  readonly updatedAt?: number;
}

/** Below this a rate says nothing. */
const MIN_MS = 500;

/** The digest of the part that a transfer is about. */
export function digestOf({ ref = '' }: Transfer): string | undefined {
  return /sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.exec(ref)?.[0];
}

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

/** The same for one image of which all parts are known. `present`: digests of those that are there, whole. */
export function summarizeImage(
  parts: readonly ImagePart[],
  present: ReadonlySet<string>,
  transfers: readonly Transfer[],
  now: number,
): PullProgress {
  const sizes = new Map(parts.map(({ digest, size }) => [digest, size]));
  const own = transfers.filter((one) => {
    const digest = digestOf(one);
    return digest !== undefined && sizes.has(digest) && !present.has(digest);
  });
  const there = parts.filter(({ digest }) => present.has(digest));
  const coming = own.reduce((sum, one) => sum + Math.min(one.offset, sizes.get(digestOf(one)!)!), 0);
  return {
    ...summarize(own, false, now),
    offset: bytesOf(there) + coming,
    total: bytesOf(parts),
    present: there.length,
    of: parts.length,
  };
}

const bytesOf = (parts: readonly ImagePart[]) => parts.reduce((sum, { size }) => sum + size, 0);
