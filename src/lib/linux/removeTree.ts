import { constants } from 'node:fs';
import { type FileHandle, open, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KubeletError } from '../errors.ts';
import { errnoCode, ignoring } from './linuxError.ts';
import { mountIdOf, mountIdOfFd } from './mountId.ts';
import { fdPath } from './safePath.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const BATCH = 256;
const PARALLEL = 8;
/** Each level holds one descriptor; deeper directories are moved up to the root first. */
const MAX_DEPTH = 32;

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
    const mountId = await mountIdOfFd(root.fd);
    if (mountId !== (await mountIdOf(dirname(path)))) throw crossing(path);
    await clear(root, path, 0, { root, rootPath: path, mountId, moved: 0 });
  } finally {
    await root.close();
  }
  await ignoring(['ENOENT'], () => rmdir(path));
}

async function clear(directory: FileHandle, shown: string, depth: number, removal: Removal): Promise<void> {
  for (;;) {
    const batch = await nextEntries(directory);
    if (batch.length === 0) return;
    const directories = batch.filter((entry) => entry.isDirectory);
    const files = batch.filter((entry) => !entry.isDirectory);
    for (let start = 0; start < files.length; start += PARALLEL) {
      const chunk = files.slice(start, start + PARALLEL);
      const removed = await Promise.all(chunk.map((file) => removeFile(directory, file.name)));
      directories.push(...chunk.filter((_, index) => !removed[index]));
    }
    for (const { name } of directories) await removeDirectory(directory, name, `${shown}/${name}`, depth, removal);
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
    if ((await mountIdOfFd(directory.fd)) !== removal.mountId) throw crossing(shown);
    await clear(directory, shown, depth + 1, removal);
  } finally {
    await directory.close();
  }
  await ignoring(['ENOENT'], () => rmdir(path));
}

async function nextEntries(directory: FileHandle): Promise<{ name: string; isDirectory: boolean }[]> {
  const entries: { name: string; isDirectory: boolean }[] = [];
  const listing = await opendir(fdPath(directory), { bufferSize: BATCH });
  try {
    for (let entry = await listing.read(); entry && entries.length < BATCH; entry = await listing.read()) {
      entries.push({ name: entry.name, isDirectory: entry.isDirectory() });
    }
  } finally {
    await listing.close();
  }
  return entries;
}

function crossing(path: string): KubeletError {
  return new KubeletError(`${path} is a mount point; it must be unmounted before what is around it can be removed`, {
    code: 'EBUSY',
    retryable: true,
  });
}
