import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { apiTime, type FsStats } from './shapes.ts';

/** What a tree takes on its disk. */
export interface Usage {
  readonly bytes: number;
  readonly inodes: number;
}

/** As du -x: blocks, each inode once, this file system only. What vanishes meanwhile counts nothing. */
export async function diskUsage(path: string): Promise<Usage> {
  const root = await lstat(path).catch(() => undefined);
  if (!root) return { bytes: 0, inodes: 0 };
  const seen = new Set<number>();
  let bytes = 0;
  const todo = [path];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const info = await lstat(next).catch(() => undefined);
    if (!info || info.dev !== root.dev || seen.has(info.ino)) continue;
    seen.add(info.ino);
    bytes += info.blocks * 512;
    if (!info.isDirectory()) continue;
    const names = await readdir(next).catch(() => []);
    for (const name of names) todo.push(join(next, name));
  }
  return { bytes, inodes: seen.size };
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
