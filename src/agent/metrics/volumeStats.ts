import type { Metrics } from '../../lib/metrics.ts';
import type { PodEntry } from '../../pods/entry.ts';
import { fileSystem } from '../../stats/diskUsage.ts';
import type { FsStats } from '../../stats/shapes.ts';
import { isLookedAt } from '../../stats/storage.ts';
import { claimName } from '../../volumes/rules/claim.ts';

const LABELS = ['namespace', 'persistentvolumeclaim'];

/** By the end of its name: what it tells, and the figure. */
const FIGURES: Readonly<Record<string, { help: string; of: (fs: FsStats) => number | undefined }>> = {
  available_bytes: { help: 'Bytes left in the volume', of: (fs) => fs.availableBytes },
  capacity_bytes: { help: 'Size of the volume in bytes', of: (fs) => fs.capacityBytes },
  inodes: { help: 'Most inodes that the volume can have', of: (fs) => fs.inodes },
  inodes_free: { help: 'Inodes left in the volume', of: (fs) => fs.inodesFree },
  inodes_used: { help: 'Inodes used in the volume', of: (fs) => fs.inodesUsed },
  used_bytes: { help: 'Bytes used in the volume', of: (fs) => fs.usedBytes },
};

interface Claimed {
  readonly labels: Readonly<Record<string, string>>;
  readonly fs: FsStats;
}

/** kubelet_volume_stats_* of claims whose file systems can be asked without a wait, read once for each scrape. */
export function volumeStats(metrics: Metrics, pods: () => readonly PodEntry[], wall: () => number): void {
  let reading: Promise<readonly Claimed[]> | undefined;
  // All gauges of a scrape ask in the same tick.
  const read = () => {
    reading ??= readClaims(pods(), wall()).finally(() => {
      reading = undefined;
    });
    return reading;
  };
  for (const [name, { help, of }] of Object.entries(FIGURES))
    metrics.gauge(`kubelet_volume_stats_${name}`, help, LABELS, async (gauge) => {
      const claims = await read();
      gauge.reset();
      for (const { labels, fs } of claims) gauge.set(of(fs) ?? 0, labels);
    });
}

async function readClaims(pods: readonly PodEntry[], wall: number): Promise<readonly Claimed[]> {
  const paths = new Map<string, { readonly labels: Claimed['labels']; readonly path: string }>();
  for (const { uid, namespace, pod, volumePath } of pods)
    for (const volume of pod?.spec?.volumes ?? []) {
      const claim = claimName(pod!, volume);
      const path = claim === undefined ? undefined : volumePath(volume.name);
      if (claim === undefined || path === undefined || !isLookedAt(path, uid, true)) continue;
      paths.set(`${namespace}/${claim}`, { labels: { namespace, persistentvolumeclaim: claim }, path });
    }
  const found = await Promise.all(
    [...paths.values()].map(async ({ labels, path }) => ({ labels, fs: await fileSystem(path, wall, undefined) })),
  );
  return found.flatMap(({ labels, fs }) => (fs ? [{ labels, fs }] : []));
}
