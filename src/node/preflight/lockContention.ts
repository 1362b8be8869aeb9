import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { lockFile } from '../../lib/linux/fileLock.ts';
import { watchOpens } from '../../lib/linux/watchOpens.ts';
import type { Logger } from '../../lib/logger.ts';

/**
 * --lock-file: waits for the lock, however long another process holds it. With --exit-on-lock-contention `onContention` is called once
 * when another process opens the file afterwards: it wants to take over. Rejects when the file cannot be locked.
 */
export async function holdLockFile(
  path: string,
  exitOnContention: boolean,
  { clock, log, onContention }: { clock: Clock; log: Logger; onContention: (error: Error) => void },
): Promise<AsyncDisposable> {
  const own = new AsyncDisposableStack();
  try {
    log.info('waiting for the lock file', { path });
    const lock = await lockFile(path, true);
    if (lock) own.use(lock);
    if (exitOnContention) {
      const contended = () =>
        onContention(new KubeletError(`another process opened the lock file ${path}`, { code: 'LockContention' }));
      own.use(await watchOpens(path, clock, contended));
    }
    return own;
  } catch (error) {
    await own.disposeAsync();
    throw new KubeletError(`--lock-file ${path} cannot be locked: ${errorMessage(error)}`, {
      code: 'LockFile',
      cause: error,
    });
  }
}
