import type { Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { KubeletError } from '../../lib/errors.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';
import { makeDirectories } from '../../lib/makeDirectories.ts';
import { hasBackstep } from '../rules/payloadPath.ts';
import { NOTHING_TO_UPDATE, type VolumeType } from '../volumeType.ts';

/** A path of the node itself. Nothing is mounted; the type is checked and, for the …OrCreate types, made. */
export const hostPathVolume: VolumeType = {
  plugin: 'kubernetes.io/host-path',
  references: () => [],
  mount: async ({ volume }) => {
    const { path, type = '' } = volume.hostPath!;
    await checkHostPath(path, type);
    return { name: volume.name, hostPath: path, digest: '', tmpfs: false };
  },
  update: async () => NOTHING_TO_UPDATE,
};

/** The path is one that may be used, and what is there is of the type, or was made. Rejects in kubelet's words. */
export async function checkHostPath(path: string, type: string): Promise<void> {
  if (hasBackstep(path)) throw failure(`invalid HostPath \`${path}\`: must not contain '..'`);
  // Of an unset type nothing is known, not even existence: the runtime makes a directory if there is none.
  if (type !== '') await checkType(path, type);
}

const CHECKS: Readonly<Record<string, { what: string; is: (stats: Stats) => boolean }>> = {
  DirectoryOrCreate: { what: 'a directory', is: (stats) => stats.isDirectory() },
  Directory: { what: 'a directory', is: (stats) => stats.isDirectory() },
  FileOrCreate: { what: 'a file', is: (stats) => stats.isFile() },
  File: { what: 'a file', is: (stats) => stats.isFile() },
  Socket: { what: 'a socket file', is: (stats) => stats.isSocket() },
  CharDevice: { what: 'a character device', is: (stats) => stats.isCharacterDevice() },
  BlockDevice: { what: 'a block device', is: (stats) => stats.isBlockDevice() },
};

async function checkType(path: string, type: string): Promise<void> {
  if (!Object.hasOwn(CHECKS, type)) throw failure(`${type} is an invalid volume type`);
  const { what, is } = CHECKS[type]!;
  const stats = await existing(path);
  if (!stats && type === 'DirectoryOrCreate') return await makeDirectories(path, 0o755);
  if (!stats && type === 'FileOrCreate') return await makeFile(path);
  // Somebody may still create the path, so this is tried again.
  if (!stats || !is(stats)) throw failure(`hostPath type check failed: ${path} is not ${what}`);
}

/** Any failure to look counts as absent, as in the Go kubelet; a create that follows reports the real reason. */
async function existing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return undefined;
  }
}

async function makeFile(path: string): Promise<void> {
  const handle = await open(path, 'a', 0o644);
  await handle.close();
}

function failure(message: string): KubeletError {
  return new KubeletError(message, { code: 'HostPath' });
}
