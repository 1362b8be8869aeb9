import { bindLibc } from './libc.ts';

/** malloc.h */
const M_ARENA_MAX = -8;
/**
 * Heaps of the C library for all threads together. By itself glibc makes one for nearly each of libuv's threads, and keeps what was freed in
 * each; with two, threads seldom wait for each other.
 */
const ARENAS = 2;

/** Bounds what the C library keeps of freed memory, for threads that have not begun yet. Where it has no such setting (musl) nothing happens. */
export function limitArenas(): void {
  try {
    bindLibc('int mallopt(int param, int value)')(M_ARENA_MAX, ARENAS);
  } catch {
    // another C library, which has its own ways
  }
}
