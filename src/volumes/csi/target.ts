// The directory that a driver mounts on, with its note beside it.
import { rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';
import { csiSays, unsure } from './csiError.ts';
import { removeVolumeData } from './volData.ts';

/**
 * Removes an unmounted target, its note and its directory. Nothing is looked at below the target: a mount that the driver left there
 * may be of a server that is gone. Rejects in kubelet's words, when something is still mounted or lies there.
 */
export async function removeTarget(target: string): Promise<void> {
  await removeEmpty(target, 'failed to remove dir');
  const directory = dirname(target);
  await removeVolumeData(directory);
  await removeEmpty(directory, 'failed to delete volume path');
}

const WHY: Readonly<Record<string, string>> = {
  EBUSY: 'device or resource busy: the driver has left it mounted',
  ENOTEMPTY: 'directory not empty: the driver has left files there',
};

async function removeEmpty(path: string, what: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const code = errnoCode(error) ?? '';
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') return void (await unlink(path));
    const why = Object.hasOwn(WHY, code) ? WHY[code] : errorMessage(error);
    throw unsure(csiSays(`${what} [${path}]: remove ${path}: ${why}`), error);
  }
}
