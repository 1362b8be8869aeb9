import { readlink, stat, unlink } from 'node:fs/promises';
import { errorMessage } from '../lib/errors.ts';
import { allEntries } from '../lib/linux/directoryEntries.ts';
import { childPath, shownPath } from '../lib/linux/pathBytes.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import type { Logger } from '../lib/logger.ts';
import { containerIdOfLogLink, podUidOfLogDirectory } from './rules/leftovers.ts';

/**
 * Removes the log directories of Pods that are gone. Entries that do not look like kubelet's (`namespace_name_uid`) stay. `claim` says
 * that a Pod is gone and keeps it from coming back until its result is disposed. Call it only after every source has reported.
 * Rejects if the directory cannot be read, or with the signal's reason; returns the names removed.
 */
export async function removeLogDirectories(
  podLogsDir: string,
  claim: (podUid: string) => Disposable | undefined,
  logger: Logger,
  signal: AbortSignal,
): Promise<string[]> {
  const removed: string[] = [];
  for (const { name, isDirectory } of await allEntries(podLogsDir, signal)) {
    const uid = isDirectory ? podUidOfLogDirectory(name.toString()) : undefined;
    using claimed = uid === undefined ? undefined : claim(uid);
    if (!claimed) continue;
    try {
      await removeTree(childPath(podLogsDir, name), signal);
      removed.push(shownPath(name));
    } catch (error) {
      signal.throwIfAborted();
      logger.warn('Could not remove the logs of a Pod that is gone; it is tried again', {
        directory: shownPath(name),
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
  for (const entry of await allEntries(containerLogsDir)) {
    const path = childPath(containerLogsDir, entry.name);
    const name = shownPath(entry.name);
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

async function isDangling(path: Buffer): Promise<boolean> {
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
