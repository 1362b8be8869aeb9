// vol_data.json: what every kubelet notes of a CSI volume beside its mount, to be able to take it down when nothing else is known.
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goJson } from '../../k8s/goText.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';
import { FileTooLong, readBounded } from '../../lib/readBounded.ts';
import { csiSays } from './csiError.ts';

/** The Go kubelet's keys. All but handle and driver may be missing: a staged volume has no more. */
export interface VolumeData {
  /** Name of the PersistentVolume, or of the inline volume in its Pod. */
  readonly specVolID?: string;
  readonly volumeHandle: string;
  readonly driverName: string;
  readonly nodeName?: string;
  readonly attachmentID?: string;
  readonly volumeLifecycleMode?: string;
  readonly seLinuxMountContext?: string;
}

const VOL_DATA = 'vol_data.json';
/** Handles are at most some hundred bytes; what is longer is not ours. */
const MAX_BYTES = 64 * 1024;

/** Writes the note into a directory that exists: a crash leaves the old one, none, or the new one, whole. */
export async function saveVolumeData(directory: string, data: VolumeData): Promise<void> {
  const path = join(directory, VOL_DATA);
  const sorted = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
  try {
    await writeFile(`${path}.tmp`, `${goJson(sorted)}\n`, { mode: 0o644 });
    await rename(`${path}.tmp`, path);
  } catch (error) {
    const message = csiSays(`failed to save volume data file ${path}: ${errorMessage(error)}`);
    throw new KubeletError(message, { code: 'VolumeData', cause: error });
  }
}

/** The note in a directory; undefined: there is none. Rejects when it says neither driver nor volume: one that was cut off by a crash. */
export async function loadVolumeData(directory: string): Promise<VolumeData | undefined> {
  const path = join(directory, VOL_DATA);
  let text = '';
  try {
    text = (await readBounded(path, MAX_BYTES)).toString('utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoCode(error) ?? '')) return undefined;
    if (!(error instanceof FileTooLong)) throw error;
  }
  const data = parse(text);
  if (data) return data;
  throw new KubeletError(csiSays(`failed to parse volume data file [${path}]`), { code: 'VolumeDataBroken' });
}

/** Takes the note away, and what a crash left of one. */
export async function removeVolumeData(directory: string): Promise<void> {
  await rm(join(directory, VOL_DATA), { force: true });
  await rm(join(directory, `${VOL_DATA}.tmp`), { force: true });
}

function parse(text: string): VolumeData | undefined {
  try {
    const data = JSON.parse(text) as VolumeData | null;
    return typeof data?.driverName === 'string' && data.driverName && data.volumeHandle ? data : undefined;
  } catch {
    return undefined;
  }
}
