// What is left on disk of CSI drivers' PersistentVolumes, by their notes.
import { join } from 'node:path';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { volumePath } from '../paths.ts';
import type { FoundVolume } from '../persistent/contract.ts';
import { foundShares, namesIn } from '../persistent/foundOnDisk.ts';
import { blockPlaces, CSI_PLUGIN, uniqueName } from './names.ts';
import { removeTarget } from './target.ts';
import { loadVolumeData, type VolumeData } from './volData.ts';

/**
 * Every volume of which something is left. Whether it is attached is not known from the disk, so it counts as attached until somebody
 * asks for it: to call one in use that is not attached harms nobody. Nothing is changed on disk but that empty directories go.
 */
export async function reconstruct(root: string, log: Logger): Promise<FoundVolume[]> {
  const found = new FoundCsiVolumes();
  const note = (directory: string) => readNote(directory, log);
  await findShares(root, found, note);
  const plugin = join(root, 'plugins', CSI_PLUGIN);
  await findDevices(join(plugin, 'volumeDevices'), found, note);
  for (const driver of await namesIn(plugin)) {
    if (driver === 'volumeDevices' || driver === 'pv') continue;
    for (const hash of await namesIn(join(plugin, driver))) {
      const data = await note(join(plugin, driver, hash));
      if (data) found.add(data, '', 'Filesystem', true);
      // Made by a process that was killed before it noted anything: nothing was asked of the driver yet.
      else await removeTarget(join(plugin, driver, hash, 'globalmount')).catch(() => {});
    }
  }
  return found.all();
}

type ReadNote = (directory: string) => Promise<VolumeData | undefined>;

/** By unique name: what several places say of one volume. */
class FoundCsiVolumes {
  readonly #found = new Map<string, FoundVolume>();

  add(data: VolumeData, name: string, mode: FoundVolume['mode'], staged: boolean, uid?: string): void {
    const unique = uniqueName(data.driverName, data.volumeHandle);
    const before = this.#found.get(unique);
    const pods = before?.pods ?? [];
    this.#found.set(unique, {
      uniqueName: unique,
      name: before?.name || name,
      mode: before?.mode ?? mode,
      attachable: true,
      staged: staged || (before?.staged ?? false),
      pods: uid === undefined || pods.includes(uid) ? pods : [...pods, uid],
    });
  }

  all(): FoundVolume[] {
    return [...this.#found.values()];
  }
}

async function readNote(directory: string, log: Logger): Promise<VolumeData | undefined> {
  try {
    return await loadVolumeData(directory);
  } catch (error) {
    // Broken by a crash it says nothing; one that cannot be read may be of a Pod that runs.
    if (!(error instanceof KubeletError)) throw error;
    log.warn('The note of a CSI volume cannot be read', { directory, error: errorMessage(error) });
    return undefined;
  }
}

/** What Pods have. */
async function findShares(root: string, found: FoundCsiVolumes, note: ReadNote): Promise<void> {
  for (const { uid, name, mode } of await foundShares(root, CSI_PLUGIN)) {
    const directory = mode === 'Block' ? blockPlaces(root, name, uid).data : volumePath(root, uid, CSI_PLUGIN, name);
    const data = await note(directory);
    if (data && data.volumeLifecycleMode !== 'Ephemeral') found.add(data, data.specVolID ?? name, mode, false, uid);
  }
}

/** Devices that are staged for the node. */
async function findDevices(devices: string, found: FoundCsiVolumes, note: ReadNote): Promise<void> {
  for (const name of await namesIn(devices)) {
    if (name === 'staging' || name === 'publish') continue;
    const data = await note(join(devices, name, 'data'));
    if (!data) continue;
    found.add(data, name, 'Block', true);
    for (const uid of await namesIn(join(devices, 'publish', name))) found.add(data, name, 'Block', true, uid);
  }
}
