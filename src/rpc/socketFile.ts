// A unix socket that a server of ours listens on, as a file: made with its mode, taken over only from the dead, removed only by its maker.
import type { Stats } from 'node:fs';
import { chmod, link, lstat, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { isServed, removal } from '../lib/linux/socketOwner.ts';
import { MAX_SOCKET_PATH } from '../lib/linux/unixAddress.ts';

/** A path that a server cannot listen on. */
export class SocketFileError extends KubeletError {}

/**
 * Lets `server` listen at `path` with file mode `mode`; the directory must exist. A socket that nobody listens on any more is
 * replaced; a living one, or anything that is no socket, is left alone and refused with a SocketFileError. The socket is made under
 * a name beside it and linked into place, so it is never there with another mode, and whoever watches the directory sees it being
 * created. Disposing removes it, unless somebody else's is there by then.
 */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<AsyncDisposable> {
  const draft = join(dirname(path), `.${basename(path)}~`);
  const bytes = Buffer.byteLength(draft);
  if (bytes > MAX_SOCKET_PATH) {
    const most = MAX_SOCKET_PATH - (bytes - Buffer.byteLength(path));
    throw new SocketFileError(
      `the socket path "${path}" is ${Buffer.byteLength(path)} bytes long, and at most ${most} can be used; choose a shorter directory`,
      { code: 'SocketPathTooLong' },
    );
  }
  await makeRoom(path);
  await rm(draft, { force: true }); // left by a process that was killed between the next two steps
  await listen(server, draft);
  try {
    await chmod(draft, mode);
    await link(draft, path);
  } catch (error) {
    await new Promise((resolve) => server.close(resolve));
    throw new SocketFileError(`cannot listen on "${path}": ${errorMessage(error)}`, {
      code: 'SocketUnusable',
      cause: error,
    });
  } finally {
    await rm(draft, { force: true });
  }
  return { [Symbol.asyncDispose]: await removal(path) };
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error) =>
      reject(
        new SocketFileError(`cannot listen on "${path}": ${error.message}`, { code: 'SocketUnusable', cause: error }),
      );
    server.once('error', fail);
    server.listen(path, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

/** Removes a socket that nobody listens on. Throws on anything else that is there. */
async function makeRoom(path: string): Promise<void> {
  let found: Stats;
  try {
    found = await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new SocketFileError(`cannot listen on "${path}": ${errorMessage(error)}`, {
      code: 'SocketUnusable',
      cause: error,
    });
  }
  if (!found.isSocket())
    throw new SocketFileError(`"${path}" is no socket, so no server can listen there; move it away`, {
      code: 'NotASocket',
    });
  if (await isServed(path).catch(() => true))
    throw new SocketFileError(`another process listens on "${path}"; end it first`, { code: 'SocketInUse' });
  await rm(path, { force: true });
}
