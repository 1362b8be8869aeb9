import { constants, type Dirent, fstatSync } from 'node:fs';
import { type FileHandle, open, opendir, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KubeletError } from '../errors.ts';
import { inGroups } from '../settleAll.ts';
import { errnoCode, ignoring } from './linuxError.ts';
import { mountIdOf, mountIdOfFd } from './mountId.ts';
import { fdPath } from './safePath.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const BATCH = 256;
const PARALLEL = 8;
/** Each level holds one descriptor; deeper directories are moved up to the root first. */
const MAX_DEPTH = 32;

/** Size in bytes up to which a directory is listed at once: some thousand entries. */
const SMALL = 64 * 1024;

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
}

interface Removal {
  readonly root: FileHandle;
  readonly rootPath: string;
  readonly mountId: number;
  moved: number;
}

/**
 * Removes a file or directory with all it holds. Does nothing if it does not exist. Never follows a symlink and never enters another
 * mount: it stops with an error (code EBUSY) there, with whatever it had removed by then. The tree may be as deep and wide as a
 * hostile Pod could make it: descriptors and memory stay bounded.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rmdir(path);
    return;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') return void (await ignoring(['ENOENT'], () => unlink(path)));
    if (code === 'EBUSY') throw crossing(path);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
  const root = await ignoring(['ENOENT'], () => open(path, DIRECTORY));
  if (!root) return;
  try {
    const mountId = mountIdOfFd(root.fd);
    if (mountId !== (await mountIdOf(dirname(path)))) throw crossing(path);
    await clear(root, path, 0, { root, rootPath: path, mountId, moved: 0 });
  } finally {
    await root.close();
  }
  await ignoring(['ENOENT'], () => rmdir(path));
}

async function clear(directory: FileHandle, shown: string, depth: number, removal: Removal): Promise<void> {
  for (;;) {
    const { entries, isAll } = await nextEntries(directory);
    const directories = entries.filter((entry) => entry.isDirectory);
    const files = entries.filter((entry) => !entry.isDirectory);
    await inGroups(files, PARALLEL, async (file) => {
      if (!(await removeFile(directory, file.name))) directories.push(file);
    });
    for (const { name } of directories) await removeDirectory(directory, name, `${shown}/${name}`, depth, removal);
    // What is moved up to the root comes on top of what was listed there.
    if (isAll && (directory !== removal.root || removal.moved === 0)) return;
    if (entries.length === 0) return;
  }
}

/** False if it is a directory after all: not every file system tells the type in its listing. */
async function removeFile(directory: FileHandle, name: string): Promise<boolean> {
  try {
    await unlink(fdPath(directory, name));
    return true;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'EISDIR') return false;
    if (code === 'ENOENT') return true;
    throw error;
  }
}

async function removeDirectory(
  parent: FileHandle,
  name: string,
  shown: string,
  depth: number,
  removal: Removal,
): Promise<void> {
  const path = fdPath(parent, name);
  if (depth >= MAX_DEPTH) {
    // `..` at the front keeps the name apart from anything a volume's payload may hold.
    await rename(path, fdPath(removal.root, `..removing-${process.pid}-${removal.moved++}`));
    return;
  }
  const directory = await ignoring(['ENOENT'], () => open(path, DIRECTORY));
  if (!directory) return;
  try {
    if (mountIdOfFd(directory.fd) !== removal.mountId) throw crossing(shown);
    await clear(directory, shown, depth + 1, removal);
  } finally {
    await directory.close();
  }
  await ignoring(['ENOENT'], () => rmdir(path));
}

/** All entries of a small directory in one call; of a large one so many at a time that a hostile Pod cannot fill the memory. */
async function nextEntries(directory: FileHandle): Promise<{ entries: Entry[]; isAll: boolean }> {
  if (fstatSync(directory.fd).size <= SMALL) {
    return { entries: (await readdir(fdPath(directory), { withFileTypes: true })).map(entryOf), isAll: true };
  }
  const entries: Entry[] = [];
  const listing = await opendir(fdPath(directory), { bufferSize: BATCH });
  try {
    while (entries.length < BATCH) {
      const entry = await listing.read();
      if (!entry) return { entries, isAll: true };
      entries.push(entryOf(entry));
    }
  } finally {
    await listing.close();
  }
  return { entries, isAll: false };
}

const entryOf = (entry: Dirent): Entry => ({ name: entry.name, isDirectory: entry.isDirectory() });

function crossing(path: string): KubeletError {
  return new KubeletError(`${path} is a mount point; it must be unmounted before what is around it can be removed`, {
    code: 'EBUSY',
    retryable: true,
  });
}
