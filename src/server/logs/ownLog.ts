import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { goQuote } from '../../k8s/goText.ts';

/** Whose log is read. */
export interface LogOwner {
  readonly podLogsDir: string;
  readonly containerId: string;
}

/**
 * Throws when a log's path leads elsewhere than it says, unless that is below the directory of Pods' logs, or is named after its container, as
 * cri-dockerd's links lead to. A Pod that may write to /var/log can put a link in place of its log, and whoever may read that log must not
 * read any file of the node by it.
 */
export async function refuseForeign(
  logPath: string,
  path: string,
  { podLogsDir, containerId }: LogOwner,
): Promise<void> {
  if (path === logPath) return;
  const root = await realpath(podLogsDir).catch(() => podLogsDir);
  if (path.startsWith(`${root}/`)) return;
  if (containerId !== '' && basename(path).startsWith(containerId)) return;
  throw new Error(`log file ${goQuote(path)} is outside of ${podLogsDir} and not named after its container`);
}
