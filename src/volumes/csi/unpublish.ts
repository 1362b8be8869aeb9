// Takes the CSI volumes of a Pod down, from what is on disk: after a restart nothing else may be known of it.
import { dirname, join } from 'node:path';
import { goQuote } from '../../k8s/goText.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { allEntries } from '../../lib/linux/directoryEntries.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import type { Logger } from '../../lib/logger.ts';
import { settleAll } from '../../lib/settleAll.ts';
import { podPath } from '../paths.ts';
import { VolumeError } from '../volumeError.ts';
import { csiSays, unsure } from './csiError.ts';
import type { CsiDrivers } from './drivers.ts';
import { CSI_PLUGIN } from './names.ts';
import { removeTarget } from './target.ts';
import { loadVolumeData, type VolumeData } from './volData.ts';

/** One published file system, as its note tells. */
export interface FoundCsiVolume {
  /** `pods/UID/volumes/kubernetes.io~csi/NAME`. */
  readonly directory: string;
  readonly data: VolumeData;
}

/** The inline CSI volumes of a Pod that have a note. One without, or with a broken one, was never published or is nobody's any more. */
export async function findCsiVolumes(root: string, uid: string, log: Logger): Promise<FoundCsiVolume[]> {
  const parent = join(podPath(root, uid), 'volumes', CSI_PLUGIN.replace('/', '~'));
  const entries = (await ignoring(['ENOENT', 'ENOTDIR'], () => allEntries(parent))) ?? [];
  const found: FoundCsiVolume[] = [];
  for (const { name } of entries) {
    const directory = join(parent, name.toString());
    try {
      const data = await loadVolumeData(directory);
      // Those of PersistentVolumes have a worker each.
      if (data?.volumeLifecycleMode === 'Ephemeral') found.push({ directory, data });
    } catch (error) {
      if (!(error instanceof KubeletError)) throw error;
      log.warn('A CSI volume is unmounted without its driver', { directory, error: error.message });
    }
  }
  return found;
}

/**
 * Unpublishes inline CSI volumes of a Pod, side by side; afterwards nothing of them is left in its directory. Rejects with the first
 * sentence of those that were refused; a driver that is not there is one, and is waited for.
 */
export async function unpublishAll(drivers: CsiDrivers, found: readonly FoundCsiVolume[]): Promise<void> {
  await settleAll(found.map((volume) => unpublish(drivers, volume)));
}

/**
 * Has its driver unpublish what is at the target, by the note beside it, and removes both. Without a note nothing was published; with one
 * that is broken nobody knows by whom, and it is unmounted without a driver. Rejects in kubelet's words.
 */
export async function unpublishFileSystem(drivers: CsiDrivers, target: string, log: Logger): Promise<void> {
  const directory = dirname(target);
  let data: VolumeData | undefined;
  try {
    data = await loadVolumeData(directory);
  } catch (error) {
    if (!(error instanceof KubeletError)) throw error;
    log.warn('A CSI volume is taken down without its driver', { directory, error: error.message });
  }
  if (data) await unpublishNoted(drivers, target, data);
  else await removeTarget(target);
}

async function unpublishNoted(drivers: CsiDrivers, target: string, data: VolumeData): Promise<void> {
  const driver = drivers.require(data.driverName, csiSays('Unmounter.TearDownAt failed to get CSI client'));
  try {
    await driver.unpublish(data.volumeHandle, target);
  } catch (error) {
    throw unsure(csiSays(`Unmounter.TearDownAt failed: ${errorMessage(error)}`), error);
  }
  try {
    await removeTarget(target);
  } catch (error) {
    throw unsure(csiSays(`Unmounter.TearDownAt failed to clean mount dir [${target}]: ${errorMessage(error)}`), error);
  }
}

async function unpublish(drivers: CsiDrivers, { directory, data }: FoundCsiVolume): Promise<void> {
  const volume = data.specVolID ?? '';
  try {
    await unpublishNoted(drivers, join(directory, 'mount'), data);
  } catch (error) {
    const message = `UnmountVolume.TearDown failed for volume ${goQuote(volume)} : ${errorMessage(error)}`;
    throw new VolumeError(message, volume, true, undefined, error);
  }
}
