import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LruMap } from '../../lib/lru.ts';
import type { Pod, Volume } from '../../types/k8s.ts';
import type { ServedPod } from '../host.ts';
import { diskUsage, fileSystem, type Usage } from './diskUsage.ts';
import type { ContainerStats, FsStats, PodStats, VolumeStats } from './shapes.ts';

const TMPFS = 0x01021994;

/** Adds what Pods take on disks. Walks are dear: each path is walked again only when its last walk is older than `maxAgeMs`. */
export class StorageFigures {
  readonly #maxAgeMs: number;
  readonly #walks = new LruMap<string, { readonly usage: Usage; readonly atMs: number }>(4096);

  /** `maxAgeMs` negative: volumes are not measured. */
  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  /** The Pod with logs, root file systems, volumes and their sum. `rootDir`: the kubelet's; `imageFs`: where layers are. */
  async complete(
    stats: PodStats,
    served: ServedPod,
    rootDir: string,
    imageFs: FsStats | undefined,
    nowMs: number,
  ): Promise<PodStats> {
    const containers = await Promise.all(stats.containers.map((c) => this.#container(c, served, imageFs, nowMs)));
    const wanted = this.#maxAgeMs < 0 ? [] : (served.pod?.spec?.volumes ?? []);
    const volumes = await Promise.all(wanted.map((v) => this.#volume(v, served, nowMs)));
    const found = volumes.filter((v) => v !== undefined);
    const local = found.filter((v) => isLocalScratch(served.pod, v.name));
    const parts = [...containers.flatMap((c) => [c.rootfs, c.logs]), ...local];
    const own = await this.#walk(`${rootDir}/pods/${served.uid}/etc-hosts`, nowMs);
    const used = parts.reduce((sum, p) => sum + (p?.usedBytes ?? 0), own.bytes);
    const inodes = parts.reduce((sum, p) => sum + (p?.inodesUsed ?? 0), own.inodes);
    const whole = await fileSystem(rootDir, nowMs, { bytes: used, inodes });
    return {
      ...stats,
      containers,
      ...(found.length > 0 ? { volume: found } : {}),
      ...(whole ? { 'ephemeral-storage': whole } : {}),
    };
  }

  async #container(stats: ContainerStats, served: ServedPod, imageFs: FsStats | undefined, nowMs: number) {
    const path = served.observed?.containers.find((c) => c.name === stats.name && c.state === 'running')?.logPath;
    const logs = path ? await fileSystem(dirname(path), nowMs, await this.#walk(dirname(path), nowMs)) : undefined;
    const rootfs = stats.rootfs && { ...imageFs, ...stats.rootfs };
    return { ...stats, ...(rootfs ? { rootfs } : {}), ...(logs ? { logs } : {}) };
  }

  async #volume(volume: Volume, served: ServedPod, nowMs: number): Promise<VolumeStats | undefined> {
    if (volume.hostPath) return undefined; // it is the node's, and walking it would be walking the node
    const path = served.volumePath(volume.name);
    if (path === undefined) return undefined;
    const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${served.name}-${volume.name}`);
    const own = await statfs(path).catch(() => undefined);
    const wholeFs = claim !== undefined || own?.type === TMPFS;
    const usage = wholeFs ? undefined : await this.#walk(path, nowMs);
    const fs = await fileSystem(path, nowMs, usage);
    if (!fs) return undefined;
    return { ...fs, name: volume.name, ...(claim ? { pvcRef: { name: claim, namespace: served.namespace } } : {}) };
  }

  async #walk(path: string, nowMs: number): Promise<Usage> {
    const last = this.#walks.get(path);
    if (last && nowMs - last.atMs < this.#maxAgeMs) return last.usage;
    const usage = await diskUsage(path);
    this.#walks.set(path, { usage, atMs: nowMs });
    return usage;
  }
}

/** emptyDir on disk and the like count as the Pod's ephemeral storage; memory and claims do not. */
function isLocalScratch(pod: Pod | null, name: string): boolean {
  const volume = pod?.spec?.volumes?.find((v) => v.name === name);
  if (!volume) return false;
  if (volume.emptyDir) return (volume.emptyDir.medium ?? '') === '';
  return Boolean(volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected ?? volume.gitRepo);
}
