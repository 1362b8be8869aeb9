import { bindLibc, callLibc, type LibcFunction } from './libc.ts';

let trim: LibcFunction | null | undefined;

/**
 * Gives the kernel back what the C library keeps of freed memory (malloc_trim(3)): glibc does it by itself only at the end of its heap.
 * Runs on a thread of libuv's pool. Where the library has no such function (musl) it does nothing.
 */
export async function returnMemory(): Promise<void> {
  if (trim === undefined) {
    try {
      trim = bindLibc('int malloc_trim(size_t pad)');
    } catch {
      trim = null;
    }
  }
  if (trim) await callLibc(trim, [0], { syscall: 'malloc_trim', path: '' });
}
