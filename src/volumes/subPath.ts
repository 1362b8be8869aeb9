import { chmod, type FileHandle, lstat, mkdir, open, realpath, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { goQuote } from '../k8s/goText.ts';
import { KubeletError } from '../lib/errors.ts';
import { ignoring } from '../lib/linux/linuxError.ts';
import { type Mounter, MountFlag } from '../lib/linux/mounter.ts';
import { type PathBytes, parentPath } from '../lib/linux/pathBytes.ts';
import { fdPath, isWithin, makeDirBeneath, openBeneath, relativePath, UnsafePathError } from '../lib/linux/safePath.ts';
import type { SubPathRequest } from './contract.ts';
import { hasBackstep } from './rules/payloadPath.ts';

const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o640;

/**
 * Binds a path inside a volume to `target`, which the Pod cannot reach, and returns `target`. The bound file is the one that was
 * checked: it is opened component by component without following symlinks and mounted through its descriptor (CVE-2017-1002101).
 * A missing subPath becomes a directory with the volume's own mode. Messages name no host paths: users see them.
 */
export async function bindSubPath(mounter: Mounter, request: SubPathRequest, target: string): Promise<string> {
  const { subPath, container, mounted } = request;
  if (isAbsolute(subPath)) throw refused(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (hasBackstep(subPath)) throw refused(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  const where = `subPath %s for volumeMount ${goQuote(mounted.name)} of container ${goQuote(container)}`;
  try {
    await ensureSource(mounted.hostPath, subPath);
  } catch (error) {
    throw refused(`failed to create ${where.replace('%s ', 'directory ')}`, error);
  }
  try {
    await bind(mounter, mounted.hostPath, subPath, target);
    return target;
  } catch (error) {
    throw refused(`failed to prepare ${where.replace('%s ', '')}`, error);
  }
}

async function ensureSource(volume: string, subPath: string): Promise<void> {
  if (await ignoring(['ENOENT'], () => stat(join(volume, subPath)))) return;
  const { mode } = await stat(volume);
  await makeDirBeneath(volume, subPath, mode & 0o7777);
}

async function bind(mounter: Mounter, volume: string, subPath: string, target: string): Promise<void> {
  // Symlinks inside the volume are allowed while they stay inside; once resolved there must be none left.
  // They may lead by names that are no UTF-8.
  const realVolume = await realpath(volume, { encoding: 'buffer' });
  const realSource = await realpath(join(volume, subPath), { encoding: 'buffer' });
  if (!isWithin(realVolume, realSource)) throw new UnsafePathError(`subPath ${subPath} leads out of the volume`);
  const source = await openSource(realVolume, realSource);
  try {
    if (await isBound(mounter, source, target)) return;
    await makeTarget(target, (await source.stat()).isDirectory());
    try {
      await mounter.mount({ source: fdPath(source), target, fsType: null, flags: MountFlag.bind });
    } catch (error) {
      await removeTarget(target);
      throw error;
    }
  } finally {
    await source.close();
  }
}

/** A hostPath volume may be a single file; then it is opened by way of its directory. */
async function openSource(volume: PathBytes, source: PathBytes): Promise<FileHandle> {
  const base = (await lstat(volume)).isDirectory() ? volume : parentPath(volume);
  return openBeneath(base, relativePath(base, source));
}

/** True if the very same file is bound there; another one is unmounted. */
async function isBound(mounter: Mounter, source: FileHandle, target: string): Promise<boolean> {
  if (!(await mounter.isMountPoint(target))) return false;
  const [wanted, found] = [await source.stat(), await lstat(target)];
  if (wanted.dev === found.dev && wanted.ino === found.ino) return true;
  await mounter.unmount(target);
  return false;
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: DIRECTORY_MODE });
  const present = await ignoring(['ENOENT'], () => lstat(target));
  if (present?.isDirectory() === isDirectory) return;
  if (present) await removeTarget(target);
  if (isDirectory) return void (await mkdir(target, DIRECTORY_MODE));
  // A plain file can carry a bind mount of anything that is no directory: sockets and devices as well.
  const handle = await open(target, 'wx', FILE_MODE);
  await handle.close();
  await chmod(target, FILE_MODE);
}

async function removeTarget(target: string): Promise<void> {
  const present = await ignoring(['ENOENT'], () => lstat(target));
  if (present) await (present.isDirectory() ? rmdir(target) : unlink(target));
}

function refused(message: string, cause?: unknown): KubeletError {
  return new KubeletError(message, { code: 'SubPath', reason: 'CreateContainerConfigError', cause });
}
