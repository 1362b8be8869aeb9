import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { fdPath, isWithin } from '../../lib/linux/safePath.ts';

/** Why a path below a directory cannot be had, in Go's words. */
export type Refusal = 'no such file or directory' | 'path escapes from parent';

/** The real path of something below `root`; or why not: links may lead anywhere but out. */
export async function systemPath(
  root: string,
  relative: string,
): Promise<{ readonly path: string } | { readonly refusal: Refusal }> {
  const base = await realpath(root).catch(() => undefined);
  const path = await realpath(join(root, relative)).catch(() => undefined);
  if (base === undefined || path === undefined) return { refusal: 'no such file or directory' };
  return isWithin(base, path) ? { path } : { refusal: 'path escapes from parent' };
}

/** As `systemPath`, for a name from a query: absolute names and `..` are refused as they stand. */
export async function queriedPath(root: string, name: string): ReturnType<typeof systemPath> {
  const slashed = name.replaceAll('\\', '/');
  if (isAbsolute(slashed) || slashed.split('/').includes('..')) return { refusal: 'path escapes from parent' };
  return systemPath(root, slashed);
}

/** Opens a regular file at a real path below `root`; undefined when it is none, or another was put in its place meanwhile. */
export async function openSystemFile(root: string, path: string): Promise<FileHandle | undefined> {
  // Whoever puts a link or FIFO there meanwhile gets an error here or is found out below.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (!file) return undefined;
  try {
    const info = await file.stat();
    const [base, opened] = [await realpath(root), await readlink(fdPath(file))];
    if (info.isFile() && isWithin(base, opened)) return file;
  } catch {
    // The same as a file that cannot be opened.
  }
  await file.close();
  return undefined;
}
