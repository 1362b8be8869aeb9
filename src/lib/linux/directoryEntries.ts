import type { Dirent } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import type { PathBytes } from './pathBytes.ts';

/** What a directory listing tells of an entry. */
export interface DirectoryEntry {
  readonly name: Buffer;
  readonly isDirectory: boolean;
}

/** Entries in one batch: what memory holds of a directory, however many a Pod has put there. */
const BATCH = 256;

/** Bytes of a directory up to which it is listed in one call: some thousand entries. */
const SMALL = 64 * 1024;

/**
 * The entries of a directory, in batches of at most 256 and in no order. This is the one way to list a directory that a Pod can write
 * to: names are bytes, memory is bounded, and between batches the event loop is free. Entries may be removed meanwhile; whether one
 * that is made meanwhile comes is open. `size` is what stat says of the directory, where that is known: a small one costs one trip to
 * a thread instead of four. The caller ends it by leaving the loop, which closes the directory; `signal` does it for him. Errors: the
 * errno of opendir and readdir; an aborted signal's reason.
 */
export async function* directoryEntries(
  path: PathBytes,
  signal?: AbortSignal,
  size = Number.POSITIVE_INFINITY,
): AsyncGenerator<DirectoryEntry[], void> {
  if (size <= SMALL) {
    const all = (await readdir(path, { withFileTypes: true, encoding: 'buffer' })).map(entryOf);
    for (let start = 0; start < all.length; start += BATCH) {
      signal?.throwIfAborted();
      yield all.slice(start, start + BATCH);
    }
    return;
  }
  // The declared type knows this option's string values only.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: BATCH };
  const directory = await opendir(path, options);
  try {
    for (let isAll = false; !isAll; ) {
      const batch: DirectoryEntry[] = [];
      while (batch.length < BATCH && !isAll) {
        const entry = await directory.read();
        if (entry) batch.push(entryOf(entry as unknown as Dirent<Buffer>));
        else isAll = true;
      }
      signal?.throwIfAborted();
      if (batch.length > 0) yield batch;
    }
  } finally {
    await directory.close();
  }
}

const entryOf = (entry: Dirent<Buffer>): DirectoryEntry => ({ name: entry.name, isDirectory: entry.isDirectory() });

/** All at once, of a directory that only this program writes to: nothing else bounds its size. Errors as above. */
export async function allEntries(path: PathBytes, signal?: AbortSignal): Promise<DirectoryEntry[]> {
  const all: DirectoryEntry[] = [];
  for await (const batch of directoryEntries(path, signal)) all.push(...batch);
  return all;
}
