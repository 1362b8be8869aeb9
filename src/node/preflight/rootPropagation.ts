import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { type Mounter, MountFlag } from '../../lib/linux/mounter.ts';
import type { MountEntry } from '../../lib/linux/mountInfo.ts';
import { isWithin } from '../../lib/linux/safePath.ts';
import type { Logger } from '../../lib/logger.ts';

const SHARED = 1 << 20;

/**
 * Makes the mount below the root directory shared, with a bind mount of the directory on itself where it is not: mounts that volumes
 * make there must reach containers with mountPropagation, and theirs the node. Rejects with one sentence.
 */
export async function shareRootDirectory(rootDir: string, mounter: Mounter, log: Logger): Promise<void> {
  if (isShared(await mounter.list(), rootDir)) return;
  try {
    await mounter.mount({ source: rootDir, target: rootDir, fsType: null, flags: MountFlag.bind });
    await mounter.mount({ source: rootDir, target: rootDir, fsType: null, flags: SHARED | MountFlag.recursive });
  } catch (error) {
    throw new KubeletError(
      `the root directory ${rootDir} cannot be made a shared mount: ${errorMessage(error)}; run with CAP_SYS_ADMIN, or share its mount beforehand`,
      { code: 'RootPropagation', cause: error },
    );
  }
  log.info('root directory made a shared mount', { rootDir });
}

/** Whether the mount that a path lies on is shared with other mount namespaces. */
export function isShared(entries: readonly MountEntry[], path: string): boolean {
  // Of several mounts on one point the last covers the others; the longest mount point is the nearest.
  const over = entries.filter(({ mountPoint }) => isWithin(mountPoint, path));
  const nearest = over.reduce<MountEntry | undefined>(
    (best, entry) => (best && best.mountPoint.length > entry.mountPoint.length ? best : entry),
    undefined,
  );
  return nearest?.propagation.some((tag) => tag.startsWith('shared:')) ?? false;
}
