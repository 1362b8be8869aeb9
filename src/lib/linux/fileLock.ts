import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { bindLibc, callLibc, type LibcFunction } from './libc.ts';
import { errnoCode } from './linuxError.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
let flock: LibcFunction | undefined;

/** A lock of flock(2) on a file: the kernel gives it back when the process ends, however it ends. */
export interface FileLock extends AsyncDisposable {
  /** Replaces the content of the locked file, e.g. to say who holds it. */
  write(text: string): Promise<void>;
}

/**
 * Locks a file, made with mode 0600 if it is missing; what lies in it stays. Resolves with undefined when another process has the
 * lock, or with `wait` only once it is free. Rejects with the errno of open or flock.
 */
export async function lockFile(path: string, wait = false): Promise<FileLock | undefined> {
  flock ??= bindLibc('int flock(int fd, int operation)');
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    await callLibc(flock, [handle.fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB], { syscall: 'flock', path });
  } catch (error) {
    await handle.close();
    if (errnoCode(error) === 'EAGAIN') return undefined;
    throw error;
  }
  return new HeldLock(handle);
}

class HeldLock implements FileLock {
  // A handle that is garbage-collected closes its file, and the lock would go with it.
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
    held.add(this);
  }

  async write(text: string): Promise<void> {
    await this.#handle.truncate(0);
    await this.#handle.write(text, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    held.delete(this);
    await this.#handle.close();
  }
}

const held = new Set<HeldLock>();
