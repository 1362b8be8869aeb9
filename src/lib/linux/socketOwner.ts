// Whose a unix socket in the file system is: whether anybody serves on it, and how its maker removes it and nobody else's.
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { errnoCode, ignoring } from './linuxError.ts';

/** Whether a process listens on the socket: the kernel knows at once. Rejects when it cannot be said (no right to connect …). */
export function isServed(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error) => {
      const code = errnoCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      else if (code === 'EAGAIN')
        resolve(true); // its queue is full
      else reject(error);
    });
  });
}

/** Removes the socket that is at `path` now, unless another one or something else is there by then. Harmless when it is gone. */
export async function removal(path: string): Promise<() => Promise<void>> {
  const { dev, ino } = await lstat(path, { bigint: true });
  return async () => {
    const now = await ignoring(['ENOENT', 'ENOTDIR'], () => lstat(path, { bigint: true }));
    if (now?.isSocket() && now.dev === dev && now.ino === ino) await ignoring(['ENOENT'], () => unlink(path));
  };
}
