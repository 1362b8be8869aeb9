import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../clock.ts';
import { bindLibc, callLibc } from './libc.ts';
import { errnoCode } from './linuxError.ts';

const IN_OPEN = 0x20;
const IN_DELETE_SELF = 0x400;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const PERIOD_MS = 1000;
const readAsync = promisify(read);

/**
 * Calls `onOpen` once when a process opens or removes the file. Node's own watches cannot tell an open; this one asks inotify once a
 * second, because a waiting read would take one of libuv's threads for good. Rejects with a LinuxError.
 */
export async function watchOpens(path: string, clock: Clock, onOpen: () => void): Promise<Disposable> {
  const init = bindLibc('int inotify_init1(int flags)');
  const add = bindLibc('int inotify_add_watch(int fd, const char *path, uint32_t mask)');
  const fd = await callLibc(init, [IN_NONBLOCK | IN_CLOEXEC], { syscall: 'inotify_init1', path });
  try {
    await callLibc(add, [fd, path, IN_OPEN | IN_DELETE_SELF], { syscall: 'inotify_add_watch', path });
  } catch (error) {
    close(fd, () => {});
    throw error;
  }
  let timer: Disposable | undefined;
  let live = true;
  const end = () => {
    if (!live) return;
    live = false;
    timer?.[Symbol.dispose]();
    close(fd, () => {});
  };
  const look = async () => {
    const happened = await readAsync(fd, { buffer: Buffer.alloc(4096) }).then(
      () => true,
      (error) => errnoCode(error) !== 'EAGAIN',
    );
    if (!live) return;
    if (!happened) return arm();
    end();
    onOpen();
  };
  const arm = () => {
    timer = clock.setTimer(PERIOD_MS, () => void look());
  };
  arm();
  return { [Symbol.dispose]: end };
}
