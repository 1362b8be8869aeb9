import { readFile } from 'node:fs/promises';
import { bindLibc, callLibc } from './libc.ts';

/** sys/mman.h */
const MADV_DONTNEED = 4;

/** One mapping of a file into this process. */
export interface FileMapping {
  readonly address: bigint;
  /** Bytes. */
  readonly length: bigint;
}

/**
 * The mappings of `file` in the text of /proc/PID/smaps that are read-only and as the file is: nothing in them is the process' own, so
 * whatever is dropped is read again when it is used.
 */
export function readOnlyMappings(smaps: string, file: string): FileMapping[] {
  return smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).flatMap((part) => {
    const head = /^([0-9a-f]+)-([0-9a-f]+) r--p \S+ \S+ \d+ +(.*)$/m.exec(part);
    if (!head || head[3] !== file || !/^Anonymous: +0 kB$/m.test(part)) return [];
    const address = BigInt(`0x${head[1]}`);
    return [{ address, length: BigInt(`0x${head[2]}`) - address }];
  });
}

/**
 * Takes those pages of the program's own file out of this process that only its start needed: the script and its code cache, V8's snapshot.
 * They count as resident for as long as it runs otherwise, though nobody looks at them again; what is wanted still comes back from the page
 * cache. Resolves with the bytes that were mapped there. Where the kernel tells nothing of mappings it does nothing.
 */
export async function returnStartPages(): Promise<bigint> {
  const smaps = await readFile('/proc/self/smaps', 'utf8').catch(() => '');
  const mappings = readOnlyMappings(smaps, process.execPath);
  if (mappings.length === 0) return 0n;
  const madvise = bindLibc('int madvise(uintptr_t address, size_t length, int advice)');
  for (const { address, length } of mappings)
    await callLibc(madvise, [address, length, MADV_DONTNEED], { syscall: 'madvise', path: process.execPath });
  return mappings.reduce((sum, { length }) => sum + length, 0n);
}
