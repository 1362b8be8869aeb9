import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bindLibc, callLibc, type LibcFunction } from './libc.ts';
import { mountIdOf } from './mountId.ts';
import { type MountEntry, parseMountInfo } from './mountInfo.ts';
import { bytesOf, type PathBytes, shownPath } from './pathBytes.ts';

/** mount(2) flags that this program uses. */
export const MountFlag = { readOnly: 1, noSuid: 2, noDev: 4, noExec: 8, remount: 32, bind: 4096, recursive: 16384 };

/** Arguments of mount(2). `data` may hold nothing secret: the kernel shows it in mountinfo. */
export interface MountRequest {
  readonly source: string;
  readonly target: string;
  /** Null for bind mounts and remounts. */
  readonly fsType: string | null;
  readonly flags?: number;
  readonly data?: string;
}

/**
 * What the program asks of the kernel's mount table.
 *
 * The real one calls on libuv's threads, so it serves file systems whose calls end: tmpfs, hugetlbfs, bind mounts of local paths.
 * A network file system whose server is dead holds its caller in the kernel, unkillable, and four such callers stop every
 * file-system call of the process: those are mounted and unmounted by programs (runProgram.ts), and only `list` looks at them.
 */
export interface Mounter {
  /** Rejects with a LinuxError. */
  mount(request: MountRequest): Promise<void>;
  /** Never follows a symlink at `target`. Rejects with EINVAL if nothing is mounted there, ENOENT if there is no such path. */
  unmount(target: PathBytes): Promise<void>;
  /**
   * The mount table of this process, or its entries at `below` and deeper; parents before children. The kernel writes the whole table
   * each time, several hundred bytes for each container of the node: not for hot paths.
   */
  list(below?: PathBytes): Promise<readonly MountEntry[]>;
  /** Whether something is mounted at exactly this path (bind mounts too). False when the path does not exist. */
  isMountPoint(path: string): Promise<boolean>;
}

const UMOUNT_NOFOLLOW = 8;
let mountFn: LibcFunction | undefined;
let umountFn: LibcFunction | undefined;

/** The mounter that talks to this machine's kernel. */
export function createMounter(): Mounter {
  return { mount, unmount, list, isMountPoint };
}

async function mount({ source, target, fsType, flags = 0, data }: MountRequest): Promise<void> {
  mountFn ??= bindLibc(
    'int mount(const char *source, const char *target, const char *fstype, ulong flags, const char *data)',
  );
  const what = `mount of ${fsType ?? 'bind'} ${source} on ${target}`;
  await callLibc(mountFn, [source, target, fsType, flags, data ?? null], { syscall: 'mount', path: target, what });
}

async function unmount(target: PathBytes): Promise<void> {
  umountFn ??= bindLibc('int umount2(const uint8_t *target, int flags)');
  const name = Buffer.concat([bytesOf(target), Buffer.alloc(1)]);
  await callLibc(umountFn, [name, UMOUNT_NOFOLLOW], { syscall: 'umount2', path: shownPath(target) });
}

async function list(below?: PathBytes): Promise<readonly MountEntry[]> {
  return parseMountInfo(await readFile('/proc/self/mountinfo'), below);
}

/** Compares mount ids, not st_dev: a bind mount from the same file system has the device of its parent. */
async function isMountPoint(path: string): Promise<boolean> {
  const own = await mountIdOf(path);
  return own !== undefined && own !== (await mountIdOf(dirname(path)));
}
