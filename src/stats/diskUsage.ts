import { constants } from 'node:fs';
import { type FileHandle, lstat, open, statfs } from 'node:fs/promises';
import { directoryEntries } from '../lib/linux/directoryEntries.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import { fdPath } from '../lib/linux/safePath.ts';
import { apiTime, type FsStats } from './shapes.ts';

/** What a tree takes on its disk. */
export interface Usage {
  readonly bytes: number;
  readonly inodes: number;
}

/**
 * A walk over a tree in pieces: between two of them it may be held or, with `return()`, given up, which closes what it has open. Its
 * result is undefined when the tree is more than a walk may remember: what a Pod makes must not fill this program's memory.
 */
export type Walk = AsyncGenerator<void, Usage | undefined>;

/** What one walk may hold. */
export interface WalkLimits {
  /** Directories in each other; each holds two descriptors. */
  readonly depth: number;
  /** Files with several names that are remembered, so that each counts once. */
  readonly hardLinks: number;
}

const LIMITS: WalkLimits = { depth: 128, hardLinks: 250_000 };
/** Entries in one piece of a walk. */
const PIECE = 256;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface Count {
  readonly device: number;
  readonly limits: WalkLimits;
  readonly seen: Set<number>;
  bytes: number;
  inodes: number;
  /** Looked at so far, the same file under another name too. */
  entries: number;
  /** The tree is beyond the limits, or a part of it cannot be read. */
  isUnknown: boolean;
}

/**
 * As du -x: blocks, files with several names once, this file system only. What vanishes meanwhile counts nothing. Depth first by
 * handles, so that nothing is remembered of a directory however many entries it has, and no link that the Pod puts in the way leads
 * out of the tree.
 */
export async function* diskUsage(path: string, limits: WalkLimits = LIMITS): Walk {
  const info = await lstat(path).catch(() => undefined);
  if (!info) return { bytes: 0, inodes: 0 };
  const count: Count = { device: info.dev, limits, seen: new Set(), bytes: 0, inodes: 0, entries: 0, isUnknown: false };
  yield* visit(count, path, 0);
  return count.isUnknown ? undefined : { bytes: count.bytes, inodes: count.inodes };
}

async function* visit(count: Count, path: string | Buffer, depth: number): AsyncGenerator<void, void> {
  const info = await lstat(path).catch((error) => vanished(count, error));
  if (!info || info.dev !== count.device) return;
  if (info.nlink > 1 && !info.isDirectory()) {
    if (count.seen.has(info.ino)) return;
    count.seen.add(info.ino);
    if (count.seen.size > count.limits.hardLinks) count.isUnknown = true;
  }
  count.bytes += info.blocks * 512;
  count.inodes += 1;
  if (!info.isDirectory()) return;
  const directory = await open(path, DIRECTORY).catch((error) => vanished(count, error));
  if (!directory) return;
  try {
    if (depth < count.limits.depth) yield* visitAll(count, directory, info.size, depth + 1);
    else count.isUnknown = true;
  } finally {
    await directory.close();
  }
}

async function* visitAll(count: Count, directory: FileHandle, size: number, depth: number): AsyncGenerator<void, void> {
  try {
    for await (const entries of directoryEntries(fdPath(directory), undefined, size)) {
      for (const { name } of entries) {
        if (count.isUnknown) return;
        yield* visit(count, fdPath(directory, name), depth);
        count.entries += 1;
        if (count.entries % PIECE === 0) yield;
      }
    }
  } catch (error) {
    vanished(count, error);
  }
}

/** What was removed or replaced meanwhile counts nothing; after any other failure the sum would be too small. */
function vanished(count: Count, error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoCode(error) ?? '')) count.isUnknown = true;
}

/** The file system that a path is on; undefined when it cannot be read. `usage`: what counts as used, instead of all. */
export async function fileSystem(path: string, nowMs: number, usage?: Usage): Promise<FsStats | undefined> {
  const fs = await statfs(path).catch(() => undefined);
  if (!fs) return undefined;
  return {
    time: apiTime(nowMs),
    availableBytes: fs.bavail * fs.bsize,
    capacityBytes: fs.blocks * fs.bsize,
    usedBytes: usage?.bytes ?? (fs.blocks - fs.bfree) * fs.bsize,
    inodesFree: fs.ffree,
    inodes: fs.files,
    inodesUsed: usage?.inodes ?? fs.files - fs.ffree,
  };
}
