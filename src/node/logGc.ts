import { readdir, readlink, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../lib/errors.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import type { Logger } from '../lib/logger.ts';
import { containerIdOfLogLink, podUidOfLogDirectory } from './rules/leftovers.ts';

/**
 * Removes the log directories of Pods that are gone. Entries that do not look like kubelet's (`namespace_name_uid`) stay.
 * Call it only after every source has reported. Rejects if the directory cannot be read; returns the names removed.
 */
export async function removeLogDirectories(
  podLogsDir: string,
  isGone: (podUid: string) => boolean,
  logger: Logger,
): Promise<string[]> {
  const removed: string[] = [];
  for (const entry of await readdir(podLogsDir, { withFileTypes: true })) {
    const uid = entry.isDirectory() ? podUidOfLogDirectory(entry.name) : undefined;
    if (uid === undefined || !isGone(uid)) continue;
    try {
      await removeTree(join(podLogsDir, entry.name));
      removed.push(entry.name);
    } catch (error) {
      logger.warn('Could not remove the logs of a Pod that is gone; it is tried again', {
        directory: entry.name,
        error: errorMessage(error),
      });
    }
  }
  return removed;
}

/**
 * Removes links in /var/log/containers whose log is gone. A container that is not dead keeps its link: rotation moves the log
 * away for a moment. `mayRun` answers by container id. Rejects if the directory cannot be read; returns the names removed.
 */
export async function removeDanglingLinks(
  containerLogsDir: string,
  mayRun: (containerId: string) => boolean,
  logger: Logger,
): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(containerLogsDir)) {
    const path = join(containerLogsDir, name);
    const id = containerIdOfLogLink(name);
    if (id === undefined || mayRun(id) || !(await isDangling(path))) continue;
    try {
      await unlink(path);
      removed.push(name);
    } catch (error) {
      logger.warn('Could not remove a dangling log link; it is tried again', {
        link: name,
        error: errorMessage(error),
      });
    }
  }
  return removed;
}

async function isDangling(path: string): Promise<boolean> {
  const isLink = await readlink(path).then(
    () => true,
    () => false,
  );
  if (!isLink) return false;
  return stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}
