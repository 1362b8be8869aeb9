import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode, ignoring } from '../lib/linux/linuxError.ts';
import type { Mounter } from '../lib/linux/mounter.ts';
import { mountsBelow } from '../lib/linux/mountInfo.ts';
import { removeTree } from '../lib/linux/removeTree.ts';

/** Directories below a Pod's directory that belong to volumes; `plugins` holds marker files of the Go kubelet. */
const OWN = ['volume-subpaths', 'volumes', 'volumeDevices', 'plugins'];

/** More stacked mounts than this on one path are a fault of ours, not of a volume. */
const MAX_STACKED = 64;

/**
 * Unmounts and removes everything of a Pod's volumes. The common case needs no look at the mount table, whose size grows with the
 * node: mounts are where the layout says. What a container propagated into a volume, and anything else unexpected, shows as EBUSY;
 * then the table is read once and emptied of everything below, innermost first.
 */
export async function tearDown(mounter: Mounter, podDirectory: string, signal: AbortSignal): Promise<void> {
  try {
    await unmountKnown(mounter, podDirectory);
    await removeAll(podDirectory);
  } catch (error) {
    if (errnoCode(error) !== 'EBUSY') throw error;
    signal.throwIfAborted();
    for (const directory of OWN) await unmountListed(mounter, join(podDirectory, directory));
    await removeAll(podDirectory);
  }
}

async function unmountKnown(mounter: Mounter, podDirectory: string): Promise<void> {
  // subPath binds first: they hold the volumes that they come from.
  const bound = await entriesAt(join(podDirectory, 'volume-subpaths'), 3);
  await Promise.all(bound.map((path) => unmountFully(mounter, path)));
  const volumes = await entriesAt(join(podDirectory, 'volumes'), 2);
  await Promise.all(volumes.map((path) => unmountFully(mounter, path)));
}

async function unmountListed(mounter: Mounter, directory: string): Promise<void> {
  for (const entry of mountsBelow(await mounter.list(directory), directory)) {
    await ignoring(['EINVAL', 'ENOENT'], () => mounter.unmount(entry.mountPoint));
  }
}

/** Unmounts until the kernel says that nothing is mounted there: cheaper than asking first. */
async function unmountFully(mounter: Mounter, path: string): Promise<void> {
  for (let count = 0; count < MAX_STACKED; count++) {
    try {
      await mounter.unmount(path);
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'EINVAL' || code === 'ENOENT') return;
      throw error;
    }
  }
}

async function removeAll(podDirectory: string): Promise<void> {
  for (const directory of OWN) await removeTree(join(podDirectory, directory));
}

/** Paths exactly `depth` levels below the directory. */
async function entriesAt(directory: string, depth: number): Promise<string[]> {
  const entries = (await ignoring(['ENOENT', 'ENOTDIR'], () => readdir(directory))) ?? [];
  const paths = entries.map((name) => join(directory, name));
  if (depth === 1) return paths;
  return (await Promise.all(paths.map((path) => entriesAt(path, depth - 1)))).flat();
}
