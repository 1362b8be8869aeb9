import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { KubeletError } from '../errors.ts';
import { errnoCode } from './linuxError.ts';
import { O_PATH } from './mountId.ts';
import { bytesOf, childPath, type PathBytes, shownPath } from './pathBytes.ts';

/**
 * Paths inside a volume belong to a Pod, which may swap a directory for a symlink between two calls of ours. These functions hold each
 * directory by a descriptor and name the next step as `/proc/self/fd/<n>/<name>`: the kernel resolves that magic link to the
 * directory itself, whatever its path has become, so this is openat(2) on Node's own asynchronous calls.
 */

/** Links in a volume may point to names that are no UTF-8. */
const AS_BYTES = { encoding: 'buffer' } as const;

/** A path that leaves its base, by `..`, an absolute path or a symlink. */
export class UnsafePathError extends KubeletError {
  constructor(message: string) {
    super(message, { code: 'UnsafePath' });
  }
}

/** The path of an open file, or of an entry in an open directory. Valid while the handle is open. */
export function fdPath(handle: FileHandle): string;
export function fdPath(handle: FileHandle, name: Buffer): Buffer;
export function fdPath(handle: FileHandle, name?: Buffer): PathBytes {
  const path = `/proc/self/fd/${handle.fd}`;
  return name === undefined ? path : childPath(path, name);
}

/** Whether `path` is `base` or lies below it, by their spelling. Both absolute. */
export function isWithin(base: PathBytes, path: PathBytes): boolean {
  const rest = relativePath(base, path).toString('latin1');
  return rest === '' || (rest !== '..' && !rest.startsWith('../') && !rest.startsWith('/'));
}

/** As path.relative, of bytes. */
export function relativePath(base: PathBytes, path: PathBytes): Buffer {
  const [from, to] = [base, path].map((one) => bytesOf(one).toString('latin1')) as [string, string];
  return Buffer.from(relative(from, to), 'latin1');
}

/**
 * Opens `base/path` with O_PATH, one component after the other, and refuses every symlink on the way and at the end. `base` itself
 * must be a real directory. The caller closes the handle. Errors: UnsafePathError, or the errno of the failed open.
 */
export async function openBeneath(base: PathBytes, path: PathBytes): Promise<FileHandle> {
  const names = components(path);
  let current = await open(base, O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY);
  for (const name of names) {
    try {
      const next = await openEntry(current, name, path);
      await current.close();
      current = next;
    } catch (error) {
      await current.close();
      throw error;
    }
  }
  return current;
}

/**
 * Creates the directory `base/path` and its missing parents with exactly `mode`, whatever the umask. Symlinks among the parts that
 * exist already are fine as long as they stay inside `base`. Something else in the way is ENOTDIR.
 */
export async function makeDirBeneath(base: string, path: string, mode: number): Promise<void> {
  const realBase = await realpath(base, AS_BYTES);
  const names = components(path);
  const present = await existingPrefix(realBase, names);
  if (!isWithin(realBase, present.path)) throw new UnsafePathError(`path ${path} leads out of the volume`);
  if (present.missing.length === 0) {
    if ((await stat(present.path)).isDirectory()) return;
    throw Object.assign(new Error(`${join(base, path)} exists and is not a directory`), { code: 'ENOTDIR' });
  }
  let current = await openBeneath(realBase, relativePath(realBase, present.path));
  try {
    for (const name of present.missing) {
      const next = await makeEntry(current, name, mode);
      await current.close();
      current = next;
    }
  } finally {
    await current.close();
  }
}

/** Splits a relative path; `.` and empty parts vanish, `..` and absolute paths are refused. */
function components(path: PathBytes): Buffer[] {
  // In Latin-1 every byte is one character, there and back.
  const text = bytesOf(path).toString('latin1');
  if (text.startsWith('/')) throw new UnsafePathError(`path ${shownPath(path)} must be relative`);
  const names = text.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw new UnsafePathError(`path ${shownPath(path)} must not contain '..'`);
  if (text.includes('\0')) throw new UnsafePathError('path must not contain a NUL byte');
  return names.map((name) => Buffer.from(name, 'latin1'));
}

async function openEntry(directory: FileHandle, name: Buffer, whole: PathBytes): Promise<FileHandle> {
  const entry = await open(fdPath(directory, name), O_PATH | constants.O_NOFOLLOW);
  try {
    if (!(await entry.stat()).isSymbolicLink()) return entry;
    throw new UnsafePathError(`path ${shownPath(whole)} has a symlink at "${shownPath(name)}"`);
  } catch (error) {
    await entry.close();
    throw error;
  }
}

async function makeEntry(parent: FileHandle, name: Buffer, mode: number): Promise<FileHandle> {
  const path = fdPath(parent, name);
  let created = true;
  try {
    await mkdir(path, { mode: mode & 0o777 });
  } catch (error) {
    // Two containers of a Pod may ask for the same directory at once; what is there is checked by the open below.
    if (errnoCode(error) !== 'EEXIST') throw error;
    created = false;
  }
  const entry = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (created) await entry.chmod(mode & 0o7777);
    return entry;
  } catch (error) {
    await entry.close();
    throw error;
  }
}

async function existingPrefix(base: Buffer, names: readonly Buffer[]): Promise<{ path: Buffer; missing: Buffer[] }> {
  for (let count = names.length; count > 0; count--) {
    try {
      const path = await realpath(names.slice(0, count).reduce(childPath, base), AS_BYTES);
      return { path, missing: names.slice(count) };
    } catch (error) {
      if (errnoCode(error) !== 'ENOENT') throw error;
    }
  }
  return { path: base, missing: [...names] };
}
