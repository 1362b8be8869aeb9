import { close, fchmodSync } from 'node:fs';
import { lstat, mkdir, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KubeletError } from '../errors.ts';
import { bindLibc, callLibc, type LibcFunction } from './libc.ts';
import { ignoring } from './linuxError.ts';
import { isServed, removal } from './socketOwner.ts';
import { socketPathProblem, unixAddress } from './unixAddress.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const WRITABLE_BY_OTHERS = 0o022;
let functions: { socket: LibcFunction; bind: LibcFunction } | undefined;

/** A socket that is bound and does not listen yet. */
export interface BoundSocket {
  /** To be handed to `server.listen({ fd })`, which closes it when the server ends; or to be closed. */
  readonly fd: number;
  /** Removes the file, unless another one has taken its place. */
  remove(): Promise<void>;
}

/**
 * Binds a unix socket that only this process's user can connect to. The file has mode 0600 from its first moment, whatever the
 * umask: on Linux a socket's file gets the mode of the socket. A socket that nobody serves any more is replaced; anything else at
 * `path` is left alone. The directory is made (0700) where it is missing. Rejects with one sentence.
 */
export async function bindPrivateSocket(path: string): Promise<BoundSocket> {
  const problem = socketPathProblem(path);
  if (problem !== undefined) throw refused(`the socket's path ${path} ${problem}`);
  await ownDirectory(dirname(path));
  await makeWay(path);
  functions ??= {
    socket: bindLibc('int socket(int domain, int type, int protocol)'),
    bind: bindLibc('int bind(int fd, const void *address, uint32_t length)'),
  };
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = await callLibc(functions.socket, [AF_UNIX, type, 0], { syscall: 'socket', path });
  try {
    fchmodSync(fd, 0o600);
    const address = unixAddress(path);
    await callLibc(functions.bind, [fd, address, address.length], { syscall: 'bind', path });
    return { fd, remove: await removal(path) };
  } catch (error) {
    close(fd, () => {});
    throw error;
  }
}

/** Whoever may write to the directory could put a socket of their own in the place of ours. */
async function ownDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { mode, uid } = await stat(directory);
  if ((mode & WRITABLE_BY_OTHERS) === 0 && (uid === 0 || uid === process.getuid?.())) return;
  throw refused(
    `others may write to ${directory}, the directory of the socket: give it to root with mode 0755 or 0700`,
  );
}

async function makeWay(path: string): Promise<void> {
  const found = await ignoring(['ENOENT'], () => lstat(path));
  if (!found) return;
  if (!found.isSocket()) throw refused(`${path} is there already and is no socket: move it away`);
  if (await isServed(path)) throw refused(`another process serves on ${path}: end it`);
  await ignoring(['ENOENT'], () => unlink(path));
}

const refused = (sentence: string) => new KubeletError(sentence, { code: 'Socket' });
