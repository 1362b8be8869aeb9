import { lstat, opendir, statfs } from 'node:fs/promises';
import { apiTime, type FsStats } from './shapes.ts';

/** What a tree takes on its disk. */
export interface Usage {
  readonly bytes: number;
  readonly inodes: number;
}

/** A walk over a tree in pieces: between two of them it may be held or, with `return()`, given up. */
export type Walk = AsyncGenerator<void, Usage>;

/** Entries in one piece of a walk. */
const PIECE = 256;

/**
 * As du -x: blocks, each inode once, this file system only. What vanishes meanwhile counts nothing. Entries are taken as they come, so
 * that a directory may have any number of them.
 */
export async function* diskUsage(path: string): Walk {
  const root = await lstat(path).catch(() => undefined);
  if (!root) return { bytes: 0, inodes: 0 };
  // Only what can be met twice is remembered.
  const seen = new Set<number>();
  let [bytes, inodes, entries] = [0, 0, 0];
  const todo: string[] = [];
  const add = async (at: string) => {
    const info = await lstat(at).catch(() => undefined);
    if (!info || info.dev !== root.dev || seen.has(info.ino)) return;
    if (info.nlink > 1 || info.isDirectory()) seen.add(info.ino);
    if (info.isDirectory()) todo.push(at);
    bytes += info.blocks * 512;
    inodes += 1;
  };
  await add(path);
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for await (const name of namesIn(next)) {
      await add(`${next}/${name}`);
      entries += 1;
      if (entries % PIECE === 0) yield;
    }
  }
  return { bytes, inodes };
}

async function* namesIn(path: string): AsyncGenerator<string> {
  const dir = await opendir(path, { bufferSize: PIECE }).catch(() => undefined);
  if (!dir) return;
  try {
    for (let entry = await dir.read(); entry; entry = await dir.read()) yield entry.name;
  } catch {
    // It was removed while it was read.
  } finally {
    await dir.close().catch(() => {});
  }
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
