import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ServedPod } from '../pods/served.ts';
import type { Pod, Volume } from '../types/k8s.ts';
import { fileSystem, type Usage } from './diskUsage.ts';
import { apiTime, type ContainerStats, type FsStats, type PodStats, type VolumeStats } from './shapes.ts';
import { type Patience, Walks, type WalksOptions } from './walks.ts';

const TMPFS = 0x01021994;

export interface StorageOptions extends WalksOptions {
  /** Whether the node still has the Pod. */
  has(uid: string): boolean;
  /** Volumes whose figures their drivers tell; absent: there are none. */
  readonly drivers?: DriverFigures | undefined;
  /** For tests. */
  readonly statfs?: (path: string) => Promise<{ readonly type: number }>;
}

/** What drivers tell of the room in their volumes. */
export interface DriverFigures {
  /** A driver's volume is at this path: nobody else looks at it, its server may be dead. */
  has(path: string): boolean;
  /** Young figures, or the last ones when `over` comes first; undefined: none. */
  of(path: string, over: Promise<void>): Promise<DriverUsage | undefined>;
}

/** Room in one volume. */
export interface DriverUsage extends Omit<FsStats, 'time'> {
  readonly abnormal?: boolean;
}

/** One answer that is being made. */
interface Asking {
  readonly served: ServedPod;
  readonly nowMs: number;
  readonly patience: Patience;
  usage(path: string): Promise<Usage | undefined>;
}

/**
 * Adds what Pods take on disks. Walks are dear and may take minutes: what has not been walked to its end yet is left out, and so is the
 * sum that it belongs to. Disposing ends the walks.
 */
export class StorageFigures implements Disposable {
  readonly #options: StorageOptions;
  readonly #walks: Walks;
  readonly #asked = new Map<string, Promise<{ readonly type: number } | undefined>>();

  /** `maxAgeMs` negative: volumes are not measured. */
  constructor(options: StorageOptions) {
    this.#options = options;
    this.#walks = new Walks(options);
  }

  /** How long one answer waits for walks, 1.5 s unless said; to be disposed with it. */
  patience(ms?: number): Patience {
    return this.#walks.patience(ms);
  }

  [Symbol.dispose](): void {
    this.#walks[Symbol.dispose]();
  }

  /** The Pod with logs, root file systems, volumes and their sum. `rootDir`: the kubelet's; `imageFs`: where layers are. */
  async complete(
    stats: PodStats,
    served: ServedPod,
    rootDir: string,
    imageFs: FsStats | undefined,
    nowMs: number,
    patience: Patience,
  ): Promise<PodStats> {
    let unknown = 0;
    const usage = async (path: string) => {
      const found = await this.#walks.usage(path, patience, () => this.#options.has(served.uid));
      if (!found) unknown += 1;
      return found;
    };
    const asking = { served, nowMs, patience, usage };
    const wanted = this.#options.maxAgeMs < 0 ? [] : (served.pod?.spec?.volumes ?? []);
    const [containers, volumes, own] = await Promise.all([
      Promise.all(stats.containers.map((c) => this.#container(c, asking, imageFs))),
      Promise.all(wanted.map((v) => this.#volume(v, asking))),
      usage(`${rootDir}/pods/${served.uid}/etc-hosts`),
    ]);
    const found = volumes.filter((v) => v !== undefined);
    const local = found.filter((v) => isLocalScratch(served.pod, v.name));
    const parts = [...containers.flatMap((c) => [c.rootfs, c.logs]), ...local];
    const used = parts.reduce((sum, p) => sum + (p?.usedBytes ?? 0), own?.bytes ?? 0);
    const inodes = parts.reduce((sum, p) => sum + (p?.inodesUsed ?? 0), own?.inodes ?? 0);
    const whole = unknown > 0 ? undefined : await fileSystem(rootDir, nowMs, { bytes: used, inodes });
    return {
      ...stats,
      containers,
      ...(found.length > 0 ? { volume: found } : {}),
      ...(whole ? { 'ephemeral-storage': whole } : {}),
    };
  }

  async #container(stats: ContainerStats, { served, nowMs, usage }: Asking, imageFs: FsStats | undefined) {
    const path = served.observed?.containers.find((c) => c.name === stats.name && c.state === 'running')?.logPath;
    const taken = path ? await usage(dirname(path)) : undefined;
    const logs = path && taken ? await fileSystem(dirname(path), nowMs, taken) : undefined;
    const rootfs = stats.rootfs && { ...imageFs, ...stats.rootfs };
    return { ...stats, ...(rootfs ? { rootfs } : {}), ...(logs ? { logs } : {}) };
  }

  /** Figures of the Pod's volumes behind claims. */
  async claims(served: ServedPod, nowMs: number, patience: Patience): Promise<VolumeStats[]> {
    if (this.#options.maxAgeMs < 0) return [];
    const claimed = (served.pod?.spec?.volumes ?? []).filter((v) => v.persistentVolumeClaim ?? v.ephemeral);
    const asking = { served, nowMs, patience, usage: async () => undefined };
    const all = await Promise.all(claimed.map((v) => this.#volume(v, asking)));
    return all.filter((v) => v !== undefined);
  }

  async #volume(volume: Volume, { served, nowMs, usage, patience }: Asking): Promise<VolumeStats | undefined> {
    if (volume.hostPath) return undefined; // it is the node's, and walking it would be walking the node
    const path = served.volumePath(volume.name);
    if (path === undefined) return undefined;
    const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${served.name}-${volume.name}`);
    const pvcRef = claim ? { pvcRef: { name: claim, namespace: served.namespace } } : {};
    if (this.#options.drivers?.has(path)) {
      const told = await this.#options.drivers.of(path, patience.over);
      if (!told) return undefined;
      const { abnormal, ...figures } = told;
      const health = abnormal === undefined ? {} : { volumeHealthStats: { abnormal } };
      return { ...figures, time: apiTime(nowMs), name: volume.name, ...health, ...pvcRef };
    }
    if (!isLookedAt(path, served.uid, claim !== undefined)) return undefined;
    const own = await this.#fileSystem(path, patience);
    if (own === 'silent') return undefined;
    const wholeFs = claim !== undefined || own?.type === TMPFS;
    const taken = wholeFs ? undefined : await usage(path);
    if (!wholeFs && !taken) return undefined;
    const fs = await fileSystem(path, nowMs, taken);
    if (!fs) return undefined;
    return { ...fs, name: volume.name, ...pvcRef };
  }

  /** One question to each at a time: a disk that is dead holds one thread of this process, however often figures are asked for. */
  #fileSystem(path: string, { over }: Patience): Promise<{ readonly type: number } | undefined | 'silent'> {
    const ask = this.#options.statfs ?? statfs;
    let asked = this.#asked.get(path);
    if (!asked) {
      asked = ask(path)
        .catch(() => undefined)
        .finally(() => this.#asked.delete(path));
      this.#asked.set(path, asked);
    }
    return Promise.race([asked, over.then(() => 'silent' as const)]);
  }
}

/** Plug-ins whose files may be on a server, or behind a driver, that is dead: whoever asks for them would wait in the kernel. */
const NEVER_ASKED =
  /\/pods\/[^/]+\/volumes\/(?!kubernetes\.io~(?:configmap|downward-api|empty-dir|fc|git-repo|iscsi|local-volume|projected|secret)\/)/;

/** Whether a volume's file system may be asked for its figures. Behind a claim only a directory of the Pod's own: no path of the node, no device. */
export function isLookedAt(path: string, uid: string, isClaimed: boolean): boolean {
  return !NEVER_ASKED.test(path) && (!isClaimed || path.includes(`/pods/${uid}/volumes/`));
}

/** emptyDir on disk and the like count as the Pod's ephemeral storage; memory and claims do not. */
function isLocalScratch(pod: Pod | null, name: string): boolean {
  const volume = pod?.spec?.volumes?.find((v) => v.name === name);
  if (!volume) return false;
  if (volume.emptyDir) return (volume.emptyDir.medium ?? '') === '';
  return Boolean(volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected ?? volume.gitRepo);
}
