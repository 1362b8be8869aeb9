import { randomBytes } from 'node:crypto';
import { constants, fstatSync } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { type FileHandle, open, rmdir, unlink } from 'node:fs/promises';
import { errorMessage, KubeletError } from '../errors.ts';
import { inGroups } from '../settleAll.ts';
import { directoryEntries } from './directoryEntries.ts';
import { errnoCode, ignoring } from './linuxError.ts';
import { mountIdOf, mountIdOfFd } from './mountId.ts';
import { type PathBytes, parentPath, shownPath } from './pathBytes.ts';
import { fdPath } from './safePath.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const PARALLEL = 8;
/** Each level holds two descriptors; deeper directories are moved up to the root first. */
const MAX_DEPTH = 32;
/** A random name that is taken again and again is no coincidence. */
const MAX_DRAWS = 8;

/** The calls that take entries away, so that a test can make them fail. */
export type RemovalFs = Pick<typeof nodeFs, 'rename' | 'unlink'>;

interface Removal {
  readonly fs: RemovalFs;
  readonly signal: AbortSignal;
  readonly mountId: number;
  /** The directory that is removed; undefined until it is open. */
  root: FileHandle | undefined;
  /** Entries that are gone from their place by our doing. */
  done: number;
}

/**
 * Removes a file or directory with all it holds. Does nothing if it does not exist. Never follows a symlink and never enters another
 * mount: it stops with an error (code EBUSY) there, with whatever it had removed by then. The tree may be as deep and wide, and its
 * names as odd, as a hostile Pod could make them: descriptors and memory stay bounded, and the event loop is free between any two
 * entries. Other errors have the errno's name as their code; a directory that is never empty though nothing in it can be removed is
 * ENOTEMPTY. Aborting ends it with the signal's reason before the next 256 entries.
 */
export async function removeTree(path: PathBytes, signal: AbortSignal, fs: RemovalFs = nodeFs): Promise<void> {
  signal.throwIfAborted();
  const shown = shownPath(path);
  try {
    await rmdir(path);
    return;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') return void (await ignoring(['ENOENT'], () => unlink(path)));
    if (code === 'EBUSY') throw crossing(shown);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
  const mountId = await mountIdOf(parentPath(path));
  if (mountId === undefined) return;
  await removeDirectory(path, shown, 0, { fs, signal, mountId, root: undefined, done: 0 });
}

/** Removes a directory and what is in it. */
async function removeDirectory(path: PathBytes, shown: string, depth: number, removal: Removal): Promise<void> {
  const directory = await ignoring(['ENOENT'], () => open(path, DIRECTORY));
  if (!directory) return;
  try {
    if (mountIdOfFd(directory.fd) !== removal.mountId) throw crossing(shown);
    removal.root ??= directory;
    // Seldom more than once: some file systems skip entries while others are removed, and the root gets what is moved up to it.
    for (;;) {
      const before = removal.done;
      await clear(directory, shown, depth, removal);
      if (await removeEmpty(path, shown)) break;
      if (removal.done === before) throw stuck(shown);
    }
    removal.done++;
  } finally {
    await directory.close();
  }
}

/** False if it is not empty. What is gone already is removed. */
async function removeEmpty(path: PathBytes, shown: string): Promise<boolean> {
  try {
    await ignoring(['ENOENT'], () => rmdir(path));
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoCode(error) ?? '')) return false;
    throw errnoCode(error) === 'EBUSY' ? crossing(shown) : failed(shown, error);
  }
}

/** Removes each entry that one listing shows. */
async function clear(directory: FileHandle, shown: string, depth: number, removal: Removal): Promise<void> {
  const { size } = fstatSync(directory.fd);
  for await (const entries of directoryEntries(fdPath(directory), removal.signal, size)) {
    const directories = entries.filter((entry) => entry.isDirectory);
    const files = entries.filter((entry) => !entry.isDirectory);
    await inGroups(files, PARALLEL, async (file) => {
      if (!(await removeFile(directory, file.name, shown, removal))) directories.push(file);
    });
    for (const { name } of directories) {
      removal.signal.throwIfAborted();
      const path = fdPath(directory, name);
      if (depth >= MAX_DEPTH) await moveUp(path, `${shown}/${shownPath(name)}`, removal);
      else await removeDirectory(path, `${shown}/${shownPath(name)}`, depth + 1, removal);
    }
  }
}

/** False if it is a directory after all: not every file system tells the type in its listing. */
async function removeFile(directory: FileHandle, name: Buffer, shown: string, removal: Removal): Promise<boolean> {
  try {
    await removal.fs.unlink(fdPath(directory, name));
    removal.done++;
    return true;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'EISDIR') return false;
    // Somebody else removed it; it does not count as done, so this cannot go on for ever.
    if (code === 'ENOENT') return true;
    throw failed(`${shown}/${shownPath(name)}`, error);
  }
}

/** Moves a directory to the root, under a name that nobody can foresee: the Pod may have put anything there. */
async function moveUp(path: Buffer, shown: string, removal: Removal): Promise<void> {
  for (let draw = 1; ; draw++) {
    const name = Buffer.from(`..removing-${randomBytes(16).toString('hex')}`);
    try {
      await removal.fs.rename(path, fdPath(removal.root as FileHandle, name));
      removal.done++;
      return;
    } catch (error) {
      const code = errnoCode(error) ?? '';
      if (code === 'ENOENT') return;
      if (code === 'EBUSY') throw crossing(shown);
      if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(code) || draw === MAX_DRAWS) throw failed(shown, error);
    }
  }
}

function crossing(shown: string): KubeletError {
  return new KubeletError(`${shown} is a mount point; it must be unmounted before what is around it can be removed`, {
    code: 'EBUSY',
  });
}

function stuck(shown: string): KubeletError {
  return new KubeletError(`${shown} cannot be emptied: it has entries, and none of them can be removed by its name`, {
    code: 'ENOTEMPTY',
  });
}

/** The paths in Node's own message are descriptors, which tell nobody anything. */
function failed(shown: string, error: unknown): KubeletError {
  const code = errnoCode(error);
  const why = code === undefined ? errorMessage(error) : errorMessage(error).replace(/, \w+ '.*$/s, '');
  return new KubeletError(`${shown} cannot be removed: ${why}`, {
    code: code ?? 'Remove',
    cause: error,
  });
}
