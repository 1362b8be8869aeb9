import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { checkpointDir } from '../../podworker/checkpointStore.ts';

/** Fixed, as in the Go kubelet: log collectors look here. */
export const containerLogsDir = '/var/log/containers';

/** Directories and modes of kubelet's setupDataDirs; ours are below `kubelet-ts`. */
export async function makeDirectories(rootDir: string, podLogsDir: string): Promise<void> {
  const wanted: readonly (readonly [string, number])[] = [
    [rootDir, 0o750],
    [join(rootDir, 'pods'), 0o750],
    [join(rootDir, 'plugins'), 0o750],
    [join(rootDir, 'plugins_registry'), 0o750],
    [join(rootDir, 'pod-resources'), 0o750],
    [join(rootDir, 'checkpoints'), 0o700],
    [checkpointDir(rootDir), 0o700],
    [podLogsDir, 0o750],
    [containerLogsDir, 0o755],
  ];
  for (const [path, mode] of wanted) {
    try {
      await mkdir(path, { recursive: true, mode });
    } catch (error) {
      throw new KubeletError(`the directory ${path} cannot be made: ${errorMessage(error)}; kubelet-ts runs as root`, {
        code: 'Directory',
        cause: error,
      });
    }
  }
}
