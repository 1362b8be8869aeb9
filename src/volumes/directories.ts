import { chmod, lchown, lstat, mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoCode, ignoring } from '../lib/linux/linuxError.ts';
import type { Mounter } from '../lib/linux/mounter.ts';
import { removeTree } from '../lib/linux/removeTree.ts';

/** Whether a directory had to be made. */
export type Made = 'created' | 'present';

/** Of the kubelet's own directories above a volume: containers never come through them. */
const PARENT_MODE = 0o750;

/** Mode 0777 with the setgid bit when a group owns the volume: files made in it then belong to the group. */
const OPEN_MODE = 0o777;
const SETGID = 0o2000;

/**
 * Makes a directory that every user may write to. It appears under its name only when mode and group are right, so a crash leaves
 * either nothing or all of it, and what the Pod later changes about it stays (the Go kubelet keeps a `ready` file for this).
 */
export async function ensureOpenDirectory(path: string, group: number | undefined, signal: AbortSignal): Promise<Made> {
  const parent = dirname(path);
  const draft = join(parent, `..new-${basename(path)}`);
  const isFresh = (await mkdir(parent, { recursive: true, mode: PARENT_MODE })) !== undefined;
  if (!isFresh && (await ignoring(['ENOENT'], () => lstat(path)))) return 'present';
  if (!(await makeDirectory(draft))) {
    await removeTree(draft, signal);
    await makeDirectory(draft);
  }
  if (group !== undefined) await lchown(draft, -1, group);
  await chmod(draft, group === undefined ? OPEN_MODE : OPEN_MODE | SETGID);
  await rename(draft, path);
  return 'created';
}

/** Makes the directory and mounts on it what `mount` mounts, unless a mount is there. */
export async function ensureMount(mounter: Mounter, path: string, mount: () => Promise<void>): Promise<Made> {
  await mkdir(dirname(path), { recursive: true, mode: PARENT_MODE });
  if (!(await makeDirectory(path)) && (await mounter.isMountPoint(path))) return 'present';
  await mount();
  return 'created';
}

/** False if it existed. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path, PARENT_MODE);
    return true;
  } catch (error) {
    if (errnoCode(error) === 'EEXIST') return false;
    throw error;
  }
}
