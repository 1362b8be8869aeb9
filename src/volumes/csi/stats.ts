// What drivers say of the room in their volumes, and of their health.
import { join } from 'node:path';
import { bounded } from '../../lib/bounded.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { LruMap } from '../../lib/lru.ts';
import { NameQueue } from '../../lib/nameQueue.ts';
import type { NodeGetVolumeStatsResponseOut } from '../../plugins/generated/csi/csi.ts';
import { CsiError } from './csiError.ts';
import type { CsiDrivers } from './drivers.ts';
import { blockPlaces, CSI_PLUGIN } from './names.ts';
import { loadVolumeData } from './volData.ts';

/** Room in a volume. A driver that knows only bytes, or only inodes, says 0 of the other, as with kubelet. */
export interface CsiFigures {
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly inodesUsed: number;
  /** KEP-1432; absent unless it is asked for and the driver knows. */
  readonly abnormal?: boolean;
  readonly message?: string;
}

export interface CsiVolumeStatsOptions {
  readonly drivers: CsiDrivers;
  /** kubelet's root directory. */
  readonly root: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** A volume is asked about again after this. */
  readonly maxAgeMs: number;
  /** CSIVolumeHealth. */
  readonly health: boolean;
  /** Told at each look that finds a volume in a bad way, of the Pod with this UID. */
  readonly onAbnormal?: (uid: string, path: string, message: string) => void;
  /** Told how long each look took, in seconds. */
  readonly onLook?: (driver: string, seconds: number) => void;
}

const MARK = `/${CSI_PLUGIN.replace('/', '~')}/`;
/** Calls at one time that one driver gets. */
const LANES = 4;

/** One look at a time for each volume, and few at a time for each driver: one that hangs holds nobody but its own figures. */
export class CsiVolumeStats {
  readonly #options: CsiVolumeStatsOptions;
  readonly #known = new LruMap<string, { readonly figures: CsiFigures | undefined; readonly at: number }>(4096);
  readonly #running = new Map<string, Promise<CsiFigures | undefined>>();
  readonly #lanes = new NameQueue();

  constructor(options: CsiVolumeStatsOptions) {
    this.#options = options;
  }

  /** Whether a Pod's volume at this path is a driver's: then nobody else looks at it. */
  static isCsi(path: string): boolean {
    return path.includes(MARK);
  }

  /** The figures of the volume that a Pod has at `path`: young ones, or the last when `over` comes first; undefined: none are known. */
  async of(path: string, over: Promise<void>): Promise<CsiFigures | undefined> {
    const { clock, maxAgeMs } = this.#options;
    const last = this.#known.get(path);
    if (last && clock.now().mono - last.at < maxAgeMs) return last.figures;
    const found = await Promise.race([this.#run(path), over]);
    return found ?? last?.figures;
  }

  #run(path: string): Promise<CsiFigures | undefined> {
    const running = this.#running.get(path);
    if (running) return running;
    const look = this.#look(path)
      .catch((error) => {
        // Some drivers have no figures of some volumes: that is nothing to complain about each minute.
        if (!(error instanceof CsiError))
          this.#options.log.warn('A CSI volume could not be asked about', { path, error: errorMessage(error) });
        return undefined;
      })
      .then((figures) => {
        this.#known.set(path, { figures, at: this.#options.clock.now().mono });
        return figures;
      })
      .finally(() => this.#running.delete(path));
    this.#running.set(path, look);
    return look;
  }

  async #look(path: string): Promise<CsiFigures | undefined> {
    const { drivers, health, clock, onLook } = this.#options;
    const place = this.#place(path);
    const data = place && (await loadVolumeData(place.note));
    if (!place || !data) return undefined;
    const driver = drivers.require(data.driverName);
    const can = await driver.capabilities();
    if (!can.has('GET_VOLUME_STATS')) return undefined;
    const lane = `${driver.name}/${[...path].reduce((sum, char) => sum + char.charCodeAt(0), 0) % LANES}`;
    const begun = clock.now().mono;
    const said = await this.#lanes.run(lane, () => driver.stats(data.volumeHandle, place.volume));
    onLook?.(driver.name, (clock.now().mono - begun) / 1000);
    const figures = figuresOf(said, health && can.has('VOLUME_CONDITION'));
    const uid = /\/pods\/([^/]+)\//.exec(path)?.[1];
    if (figures?.abnormal && uid !== undefined) this.#options.onAbnormal?.(uid, path, figures.message ?? '');
    return figures;
  }

  /** Where the note of the volume is, and where the driver knows it. A device's note is not in the Pod's directory. */
  #place(path: string): { readonly note: string; readonly volume: string } | undefined {
    const [, pod = '', name = ''] = /\/pods\/([^/]+)\/volumeDevices\/[^/]+\/([^/]+)$/.exec(path) ?? [];
    if (pod !== '') {
      const places = blockPlaces(this.#options.root, name, pod);
      return { note: places.data, volume: join(places.globalMap, pod) };
    }
    return path.endsWith('/mount') ? { note: path.slice(0, -'/mount'.length), volume: path } : undefined;
  }
}

function figuresOf(said: NodeGetVolumeStatsResponseOut, condition: boolean): CsiFigures | undefined {
  if (said.usage.length === 0 && !condition) return undefined;
  const bytes = said.usage.findLast(({ unit }) => unit === 'BYTES');
  const inodes = said.usage.findLast(({ unit }) => unit === 'INODES');
  const number = (text: string | undefined) => Math.max(0, Number(text ?? 0));
  return {
    availableBytes: number(bytes?.available),
    capacityBytes: number(bytes?.total),
    usedBytes: number(bytes?.used),
    inodes: number(inodes?.total),
    inodesFree: number(inodes?.available),
    inodesUsed: number(inodes?.used),
    ...(condition
      ? {
          abnormal: said.volumeCondition?.abnormal ?? false,
          message: bounded(said.volumeCondition?.message ?? '', 1024),
        }
      : {}),
  };
}
