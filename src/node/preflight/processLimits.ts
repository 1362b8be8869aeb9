import { readFile, writeFile } from 'node:fs/promises';
import { errorMessage } from '../../lib/errors.ts';
import { raiseOpenFiles } from '../../lib/linux/openFiles.ts';
import type { Logger } from '../../lib/logger.ts';

/**
 * Protects this process from the kernel's OOM killer (oomScoreAdj, −1000 to 1000). Lowering needs CAP_SYS_RESOURCE; without it the
 * node works, only less safely, so that is a warning.
 */
export async function adjustOomScore(score: number, log: Logger, file = '/proc/self/oom_score_adj'): Promise<void> {
  try {
    if ((await readFile(file, 'utf8')).trim() === String(score)) return;
    await writeFile(file, String(score));
  } catch (error) {
    log.warn('oom_score_adj stays as it is; the kernel may kill the kubelet before its Pods', {
      wanted: score,
      error: errorMessage(error),
    });
  }
}

/** Raises the number of files that this process and what it starts may open (maxOpenFiles), as far as it is allowed to. */
export async function allowOpenFiles(count: number, log: Logger): Promise<void> {
  try {
    const reached = await raiseOpenFiles(count);
    if (reached < count) log.warn('fewer open files are allowed than wanted', { wanted: count, allowed: reached });
  } catch (error) {
    log.warn('the limit of open files stays as it is', { wanted: count, error: errorMessage(error) });
  }
}
