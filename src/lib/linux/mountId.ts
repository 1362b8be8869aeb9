import { constants, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoCode } from './linuxError.ts';
import type { PathBytes } from './pathBytes.ts';

/** open(2) flag that Node does not name: a handle on the path only, which neither reads nor blocks nor triggers automounts. */
export const O_PATH = 0o10000000;

/**
 * The id of the mount that the open descriptor lives on, from /proc/self/fdinfo. Equal ids mean the same mount. Synchronous: the kernel
 * makes these lines from memory, in microseconds.
 */
export function mountIdOfFd(fd: number): number {
  const match = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  if (!match)
    throw new Error(`/proc/self/fdinfo/${fd} has no mnt_id line; is /proc mounted and the kernel 3.15 or newer?`);
  return Number(match[1]);
}

/** The mount id of a path, without following a symlink at its end; undefined when it does not exist. */
export async function mountIdOf(path: PathBytes): Promise<number | undefined> {
  try {
    const handle = await open(path, O_PATH | constants.O_NOFOLLOW);
    try {
      return mountIdOfFd(handle.fd);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
