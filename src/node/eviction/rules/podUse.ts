import { podRequests } from '../../../k8s/podResources.ts';
import { wholeValue } from '../../../k8s/resourceAmounts.ts';
import type { FsStats, PodStats } from '../../../stats/shapes.ts';
import type { Pod, Volume } from '../../../types/k8s.ts';
import type { DiskLayout, Signal } from './signals.ts';

/** Parts of a Pod that lie on disks. */
export type DiskPart = 'rootfs' | 'logs' | 'volumes';

/** What a Pod takes of a resource; undefined: it is not known. */
export type Use = number | undefined;

/** Which parts of a Pod lie on the file system that a signal is about. */
export function partsOn(signal: Signal, { imageFs, containerFs }: DiskLayout): readonly DiskPart[] {
  if (!imageFs) return ['rootfs', 'logs', 'volumes'];
  const isNodeFs = signal.startsWith('nodefs.');
  if (containerFs) return signal.startsWith('imagefs.') ? [] : ['rootfs', 'logs', 'volumes'];
  return isNodeFs ? ['logs', 'volumes'] : ['rootfs'];
}

/**
 * What a Pod takes of a disk, in bytes or inodes. A part that the runtime does not tell yet counts as nothing; a Pod with a tree that
 * could not be walked to its end, because it is too large or takes too long, is unknown.
 */
export function diskUse(
  stats: PodStats,
  pod: Pod,
  parts: readonly DiskPart[],
  figure: 'usedBytes' | 'inodesUsed',
): Use {
  const walked = parts.includes('logs') || parts.includes('volumes');
  if (walked && !stats['ephemeral-storage']) return undefined;
  const all: (FsStats | undefined)[] = stats.containers.flatMap((c) => [
    ...(parts.includes('rootfs') ? [c.rootfs] : []),
    ...(parts.includes('logs') ? [c.logs] : []),
  ]);
  const local = new Set((pod.spec?.volumes ?? []).filter(isLocal).map(({ name }) => name));
  if (parts.includes('volumes')) all.push(...(stats.volume ?? []).filter(({ name }) => local.has(name)));
  return all.reduce((sum, fs) => sum + (fs?.[figure] ?? 0), 0);
}

/** On the node's own disks. Volumes in memory are on none. */
function isLocal(volume: Volume): boolean {
  if (volume.emptyDir) return (volume.emptyDir.medium ?? '') === '';
  return Boolean(volume.hostPath ?? volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected);
}

/** What the Pod asked for of a resource, in whole units; overhead counts only beside a request, as in kubelet's ranking. */
export function requestOf(pod: Pod, resource: 'memory' | 'ephemeral-storage'): number {
  const own = podRequests(pod, { excludeOverhead: true }).get(resource) ?? 0n;
  return wholeValue(own === 0n ? 0n : (podRequests(pod).get(resource) ?? 0n));
}
