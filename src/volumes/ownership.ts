import { constants } from 'node:fs';
import { chmod, chown, type FileHandle, lchown, lstat, open, stat } from 'node:fs/promises';
import { errorMessage } from '../lib/errors.ts';
import { directoryEntries } from '../lib/linux/directoryEntries.ts';
import { O_PATH } from '../lib/linux/mountId.ts';
import { fdPath } from '../lib/linux/safePath.ts';
import { settleAll } from '../lib/settleAll.ts';

/** What to do with a volume that keeps its files between Pods (fsGroup on persistent volumes). */
export interface OwnershipRequest {
  readonly path: string;
  readonly group: number;
  /** `OnRootMismatch` skips the walk when the root has the group and the bits already; it is changed last, so it tells. */
  readonly policy?: 'Always' | 'OnRootMismatch';
  /** Files of a read-only volume get read bits only. */
  readonly readOnly?: boolean;
  readonly signal: AbortSignal;
  /** Called now and then with the number of entries done: for the progress event of long walks. */
  readonly progress?: (entries: number) => void;
}

export interface OwnershipResult {
  /** False: the root told that nothing had to be done. */
  readonly walked: boolean;
  readonly entries: number;
  /** Entries that would not change; as in the Go kubelet they do not fail the mount (a root-squashed export refuses them all). */
  readonly failed: number;
  readonly firstFailure?: string;
}

const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const DIRECTORY_BITS = 0o2110;
const PARALLEL = 16;
/** Each level holds three descriptors. What lies deeper counts as not changed. */
const MAX_DEPTH = 256;
const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface Walk extends OwnershipRequest {
  entries: number;
  failed: number;
  firstFailure?: string;
}

/**
 * Gives every entry to the group and adds the group's permission bits, children before their directory. Never follows a symlink, not
 * even one that a container puts in the way during the walk. Asynchronous in small groups of calls, so the event loop stays free.
 */
export async function applyOwnership(request: OwnershipRequest): Promise<OwnershipResult> {
  if (request.policy === 'OnRootMismatch' && (await rootMatches(request)))
    return { walked: false, entries: 0, failed: 0 };
  const walk: Walk = { ...request, entries: 0, failed: 0 };
  const root = await open(request.path, OPEN_DIRECTORY);
  try {
    await walkDirectory(walk, root, 0);
    await change(walk, fdPath(root), true);
  } finally {
    await root.close();
  }
  const { entries, failed, firstFailure } = walk;
  return { walked: true, entries, failed, ...(firstFailure !== undefined && { firstFailure }) };
}

async function rootMatches({ path, group, readOnly = false }: OwnershipRequest): Promise<boolean> {
  const stats = await lstat(path);
  const wanted = (readOnly ? READ_ONLY : READ_WRITE) | DIRECTORY_BITS;
  return stats.isDirectory() && stats.gid === group && (stats.mode & wanted) === wanted;
}

async function walkDirectory(walk: Walk, directory: FileHandle, depth: number): Promise<void> {
  for await (const entries of directoryEntries(fdPath(directory), walk.signal)) {
    const files = entries.filter((entry) => !entry.isDirectory);
    for (let start = 0; start < files.length; start += PARALLEL) {
      walk.signal.throwIfAborted();
      await settleAll(files.slice(start, start + PARALLEL).map(({ name }) => visit(walk, directory, name, depth)));
      walk.progress?.(walk.entries);
    }
    // Directories one after the other: each holds descriptors while its children are done.
    for (const { name, isDirectory } of entries) {
      if (!isDirectory) continue;
      walk.signal.throwIfAborted();
      await visit(walk, directory, name, depth);
    }
  }
}

async function visit(walk: Walk, parent: FileHandle, name: Buffer, depth: number): Promise<void> {
  const path = fdPath(parent, name);
  let entry: FileHandle | undefined;
  try {
    entry = await open(path, O_PATH | constants.O_NOFOLLOW);
    const stats = await entry.stat();
    if (stats.isSymbolicLink()) {
      walk.entries++;
      // chmod would change what the link points to; a link has no mode of its own.
      await lchown(path, -1, walk.group);
      return;
    }
    if (stats.isDirectory()) await descend(walk, path, depth + 1);
    await change(walk, fdPath(entry), stats.isDirectory());
  } catch (error) {
    if (walk.signal.aborted) throw error;
    note(walk, error);
  } finally {
    await entry?.close();
  }
}

async function descend(walk: Walk, path: Buffer, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw new Error(`the volume has directories deeper than ${MAX_DEPTH} levels`);
  const directory = await open(path, OPEN_DIRECTORY);
  try {
    await walkDirectory(walk, directory, depth);
  } finally {
    await directory.close();
  }
}

/** `path` is /proc/self/fd/<n>: chown and chmod reach exactly the opened file. */
async function change(walk: Walk, path: string, isDirectory: boolean): Promise<void> {
  walk.entries++;
  try {
    const { mode } = await stat(path);
    await chown(path, -1, walk.group);
    const bits = (walk.readOnly ? READ_ONLY : READ_WRITE) | (isDirectory ? DIRECTORY_BITS : 0);
    await chmod(path, (mode & 0o7777) | bits);
  } catch (error) {
    note(walk, error);
  }
}

function note(walk: Walk, error: unknown): void {
  walk.failed++;
  walk.firstFailure ??= errorMessage(error);
}
