import koffi from 'koffi';
import { LinuxError } from './linuxError.ts';

/** A libc function that returns −1 and sets errno on failure. */
export type LibcFunction = ReturnType<ReturnType<typeof koffi.load>['func']>;

let library: ReturnType<typeof koffi.load> | undefined;

/** Binds a libc function by its C prototype. Call it once, on first use: loading costs about a millisecond. */
export function bindLibc(prototype: string): LibcFunction {
  library ??= loadLibc();
  return library.func(prototype);
}

/**
 * Calls on a thread of libuv's pool. Resolves with the result; rejects with a LinuxError when the result is −1.
 * A call that may hang for ever (a mount of a dead NFS server) must not come here: see mounter.ts.
 */
export function callLibc(
  fn: LibcFunction,
  args: readonly unknown[],
  failure: { syscall: string; path: string; what?: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    fn.async(...args, (error: unknown, result: number) => {
      // errno is only valid inside this callback: koffi carries it over from the thread that made the call.
      if (error) reject(error);
      else if (result === -1) reject(new LinuxError(failure.syscall, koffi.errno(), failure.path, failure.what));
      else resolve(result);
    });
  });
}

/** glibc first, then musl. */
function loadLibc(): ReturnType<typeof koffi.load> {
  try {
    return koffi.load('libc.so.6');
  } catch {
    return koffi.load('libc.so');
  }
}
