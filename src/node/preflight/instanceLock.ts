import { mkdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { type FileLock, lockFile } from '../../lib/linux/fileLock.ts';
import type { Logger } from '../../lib/logger.ts';

/**
 * Claims a root directory and a runtime for this process: two kubelets on one of them would each end the other's Pods. The locks
 * are the kernel's, so a killed kubelet leaves none behind. Rejects with one sentence that names the other process.
 */
export async function claimNode(rootDir: string, runtimeEndpoint: string, log: Logger): Promise<AsyncDisposable> {
  const own = new AsyncDisposableStack();
  try {
    const directory = join(rootDir, 'kubelet-ts');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    own.use(await claim(join(directory, 'kubelet.lock'), `the root directory ${rootDir}`, '--root-dir'));
    const file = await runtimeLock(runtimeEndpoint);
    if (file !== undefined) own.use(await claimRuntime(file, runtimeEndpoint, log));
    return own;
  } catch (error) {
    await own.disposeAsync();
    throw error;
  }
}

async function claimRuntime(file: string, endpoint: string, log: Logger): Promise<AsyncDisposable> {
  try {
    return await claim(file, `the container runtime ${endpoint}`, 'containerRuntimeEndpoint');
  } catch (error) {
    if (error instanceof KubeletError && error.code === 'SecondKubelet') throw error;
    // A socket directory that this process may not write to belongs to somebody else's care.
    log.warn('the runtime is not locked against a second kubelet', { file, error: errorMessage(error) });
    return new AsyncDisposableStack();
  }
}

async function claim(file: string, what: string, setting: string): Promise<FileLock> {
  const lock = await lockFile(file);
  if (!lock) {
    const other = (await readFile(file, 'utf8').catch(() => '')).trim();
    const who = /^\d+$/.test(other) ? `process ${other}` : 'another process';
    throw new KubeletError(
      `${what} is in use by another kubelet (${who}, by the lock ${file}): end it, or give this one another ${setting}`,
      { code: 'SecondKubelet' },
    );
  }
  await lock.write(`${process.pid}\n`);
  return lock;
}

/**
 * The lock file of a runtime, beside its socket: the same for every spelling of the path, and not the socket itself, which is
 * another file after each restart of the runtime. Undefined for an endpoint that is no socket, or whose directory is not there yet.
 */
async function runtimeLock(endpoint: string): Promise<string | undefined> {
  const path = endpoint.replace(/^unix:\/\//, '');
  if (!path.startsWith('/')) return undefined;
  try {
    return join(await realpath(dirname(path)), `${basename(path)}.kubelet.lock`);
  } catch {
    return undefined;
  }
}
