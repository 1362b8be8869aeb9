import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const COMPRESSED = '.gz';
const TEMPORARY = '.tmp';

/**
 * Makes room for one more rotated file: removes leftovers of a rotation that broke off and the oldest files, and compresses what an
 * earlier rotation left plain for its readers. The live file and the one about to be rotated count among `maxFiles`.
 */
export async function tidyRotated(path: string, maxFiles: number): Promise<void> {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  const names = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort();
  const inUse: string[] = [];
  for (const name of names) {
    const leftover = name.endsWith(TEMPORARY) || (!name.endsWith(COMPRESSED) && names.includes(name + COMPRESSED));
    if (leftover) await unlink(join(directory, name));
    else inUse.push(name);
  }
  const excess = Math.max(0, inUse.length - Math.max(0, maxFiles - 2));
  for (const name of inUse.slice(0, excess)) await unlink(join(directory, name));
  for (const name of inUse.slice(excess)) if (!name.endsWith(COMPRESSED)) await compress(join(directory, name));
}

/**
 * Where a log is moved to: kubelet's name with the time in it. Names must sort by age, so it is a second later than the newest one
 * that is there, if that is not in the past.
 */
export async function freeName(path: string, nowMs: number): Promise<string> {
  const prefix = `${basename(path)}.`;
  const stamps = (await readdir(dirname(path))).flatMap((name) => {
    const match = name.startsWith(prefix) && /^(\d{8}-\d{6})(?:\.|$)/.exec(name.slice(prefix.length));
    return match ? [match[1] as string] : [];
  });
  const newest = stamps.sort().at(-1);
  return `${path}.${stampOf(newest === undefined ? nowMs : Math.max(nowMs, timeOf(newest) + 1_000))}`;
}

function stampOf(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/[-:]|\.\d+Z/g, '')
    .replace('T', '-');
}

function timeOf(stamp: string): number {
  const [, y, mo, d, h, mi, s] = /^(....)(..)(..)-(..)(..)(..)$/.exec(stamp) ?? [];
  return Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`) || 0;
}

async function compress(path: string): Promise<void> {
  const { mode } = await stat(path);
  const temporary = `${path}${TEMPORARY}`;
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, { mode: mode & 0o777 }));
    await rename(temporary, path + COMPRESSED);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await unlink(path);
}
