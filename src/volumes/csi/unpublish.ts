// Takes the CSI volumes of a Pod down, from what is on disk: after a restart nothing else may be known of it.
import { join } from 'node:path';
import { goQuote } from '../../k8s/goText.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { settleAll } from '../../lib/settleAll.ts';
import { VolumeError } from '../volumeError.ts';
import { csiSays, unsure } from './csiError.ts';
import type { CsiDrivers } from './drivers.ts';
import { volumeOf } from './names.ts';
import { type FoundCsiVolume, findNotes } from './notes.ts';
import { removeTarget } from './target.ts';
import type { VolumeData } from './volData.ts';

/** The inline CSI volumes of a Pod that have a note. One without, or with a broken one, was never published or is nobody's any more. */
export async function findCsiVolumes(root: string, uid: string, log: Logger): Promise<FoundCsiVolume[]> {
  // Those of PersistentVolumes have a worker each.
  return (await findNotes(root, uid, log)).filter(({ data }) => data.volumeLifecycleMode === 'Ephemeral');
}

/**
 * Unpublishes inline CSI volumes of a Pod, side by side; afterwards nothing of them is left in its directory. Rejects with the first
 * sentence of those that were refused; a driver that is not there is one, and is waited for.
 */
export async function unpublishAll(drivers: CsiDrivers, found: readonly FoundCsiVolume[]): Promise<void> {
  await settleAll(found.map((volume) => unpublish(drivers, volume)));
}

/**
 * Has its driver unpublish what the Pod has of a volume, by the notes of that Pod: there it may have another name than elsewhere. Without a note nothing was published. Rejects in kubelet's words.
 */
export async function unpublishFileSystem(
  drivers: CsiDrivers,
  found: readonly FoundCsiVolume[],
  volume: string,
): Promise<void> {
  const { driver, handle } = volumeOf(volume);
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
