import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { allEntries } from '../lib/linux/directoryEntries.ts';
import { errnoCode, ignoring } from '../lib/linux/linuxError.ts';
import type { Mounter } from '../lib/linux/mounter.ts';
import { mountsBelow } from '../lib/linux/mountInfo.ts';
import { childPath, type PathBytes } from '../lib/linux/pathBytes.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import { settleAll } from '../lib/settleAll.ts';

/** Directories below a Pod's directory that belong to volumes; `plugins` holds marker files of the Go kubelet. */
const OWN = ['volume-subpaths', 'volumes', 'volumeDevices', 'plugins'];

/** Levels above the mounts: `volume-subpaths/<volume>/<container>/<index>` and `volumes/<plugin>/<name>`. */
const DEPTH = { 'volume-subpaths': 3, volumes: 2 } as const;

interface Walk {
  readonly mounter: Mounter;
  readonly signal: AbortSignal;
}

/** More stacked mounts than this on one path are a fault of ours, not of a volume. */
const MAX_STACKED = 64;

/**
 * Unmounts and removes everything of a Pod's volumes. The common case needs no look at the mount table, whose size grows with the
 * node: mounts are where the layout says. What a container propagated into a volume, and anything else unexpected, shows as EBUSY;
 * then the table is read once and emptied of everything below, innermost first.
 */
export async function tearDown(mounter: Mounter, podDirectory: string, signal: AbortSignal): Promise<void> {
  const walk = { mounter, signal };
  const places = OWN.map((name) => join(podDirectory, name));
  try {
    // subPath binds first: they hold the volumes that they come from.
    await removeLevel(walk, join(podDirectory, 'volume-subpaths'), DEPTH['volume-subpaths']);
    await removeLevel(walk, join(podDirectory, 'volumes'), DEPTH.volumes);
    await settleAll(places.map((place) => removeTree(place, signal)));
  } catch (error) {
    if (errnoCode(error) !== 'EBUSY') throw error;
    signal.throwIfAborted();
    for (const place of places) await unmountListed(walk, place);
    await settleAll(places.map((place) => removeTree(place, signal)));
  }
}

/**
 * Takes down the binds of subPaths, which hold the volumes that they come from. Whatever it cannot do is left to `tearDown`, which tells
 * what is wrong.
 */
export async function unbindSubPaths(mounter: Mounter, podDirectory: string, signal: AbortSignal): Promise<void> {
  try {
    await removeLevel({ mounter, signal }, join(podDirectory, 'volume-subpaths'), DEPTH['volume-subpaths']);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
  }
}

/** Unmounts what is `depth` levels down and removes it and the levels above it. */
async function removeLevel(walk: Walk, path: PathBytes, depth: number): Promise<void> {
  if (depth === 0) return removeMounted(walk, path);
  const entries = await ignoring(['ENOENT', 'ENOTDIR'], () => allEntries(path, walk.signal));
  if (!entries) return;
  await settleAll(entries.map(({ name }) => removeLevel(walk, childPath(path, name), depth - 1)));
  await ignoring(['ENOENT', 'ENOTEMPTY'], () => rmdir(path));
}

/** Trying is cheaper than asking: EINVAL tells that nothing is mounted, EBUSY of the removal that something still is. */
async function removeMounted({ mounter, signal }: Walk, path: PathBytes): Promise<void> {
  for (let count = 0; count < MAX_STACKED; count++) {
    const unmounted = await ignoring(['EINVAL', 'ENOENT'], async () => {
      await mounter.unmount(path);
      return true;
    });
    try {
      return await removeTree(path, signal);
    } catch (error) {
      if (errnoCode(error) !== 'EBUSY' || !unmounted) throw error;
    }
  }
}

async function unmountListed({ mounter, signal }: Walk, directory: string): Promise<void> {
  for (const entry of mountsBelow(await mounter.list(directory), directory)) {
    signal.throwIfAborted();
    await ignoring(['EINVAL', 'ENOENT'], () => mounter.unmount(entry.mountPath));
  }
}
