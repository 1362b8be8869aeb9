// Takes the CSI volumes of a Pod down, from what is on disk: after a restart nothing else may be known of it.
import { join } from 'node:path';
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
import { CSI_PLUGIN, volumeOf } from './names.ts';
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
  // Those of PersistentVolumes have a worker each.
  return (await findNotes(root, uid, log)).filter(({ data }) => data.volumeLifecycleMode === 'Ephemeral');
}

async function findNotes(root: string, uid: string, log: Logger): Promise<FoundCsiVolume[]> {
  const parent = join(podPath(root, uid), 'volumes', CSI_PLUGIN.replace('/', '~'));
  const entries = (await ignoring(['ENOENT', 'ENOTDIR'], () => allEntries(parent))) ?? [];
  const found: FoundCsiVolume[] = [];
  for (const { name } of entries) {
    const directory = join(parent, name.toString());
    try {
      const data = await loadVolumeData(directory);
      if (data) found.push({ directory, data });
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
 * Has its driver unpublish what the Pod has of a volume, by the notes in the Pod's directory: there it may have another name than
 * elsewhere. Without a note nothing was published. Rejects in kubelet's words.
 */
export async function unpublishFileSystem(
  drivers: CsiDrivers,
  root: string,
  uid: string,
  volume: string,
  log: Logger,
): Promise<void> {
  const { driver, handle } = volumeOf(volume);
  const found = await findNotes(root, uid, log);
  const mine = found.filter(({ data }) => data.driverName === driver && data.volumeHandle === handle);
  await settleAll(mine.map(({ directory, data }) => unpublishNoted(drivers, join(directory, 'mount'), data)));
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
    throw new VolumeError(message, volume, error);
  }
}
