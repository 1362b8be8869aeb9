// The notes in a Pod's directory of CSI volumes: what it has of them, whatever else is known.
import { join } from 'node:path';
import { KubeletError } from '../../lib/errors.ts';
import { allEntries } from '../../lib/linux/directoryEntries.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import type { Logger } from '../../lib/logger.ts';
import { SharedTurn } from '../../lib/sharedTurn.ts';
import { podPath } from '../paths.ts';
import { CSI_PLUGIN } from './names.ts';
import { loadVolumeData, type VolumeData } from './volData.ts';

/** One published file system, as its note tells. */
export interface FoundCsiVolume {
  /** `pods/UID/volumes/kubernetes.io~csi/NAME`. */
  readonly directory: string;
  readonly data: VolumeData;
}

/** All CSI volumes of a Pod that have a note. One without, or with a broken one, was never published or is nobody's any more. */
export async function findNotes(root: string, uid: string, log: Logger): Promise<FoundCsiVolume[]> {
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

/** The notes of each Pod, for many who ask at about the same time: each volume of a Pod that ends looks for its own. */
export class PodNotes {
  readonly #looks = new Map<string, SharedTurn<FoundCsiVolume[]>>();

  readonly #find: typeof findNotes;

  constructor(find = findNotes) {
    this.#find = find;
  }

  /** As they are at some moment after this call. */
  of(root: string, uid: string, log: Logger): Promise<readonly FoundCsiVolume[]> {
    const look = this.#looks.get(uid) ?? new SharedTurn(() => this.#find(root, uid, log));
    this.#looks.set(uid, look);
    const found = look.take();
    void look.settled().then(() => {
      if (look.idle && this.#looks.get(uid) === look) this.#looks.delete(uid);
    });
    return found;
  }

  /** Pods that somebody looks at now. */
  get size(): number {
    return this.#looks.size;
  }
}
