import { isCriticalPod } from '../../../k8s/criticalPod.ts';
import type { PodStats } from '../../../stats/shapes.ts';
import type { Pod } from '../../../types/k8s.ts';
import { diskUse, partsOn, requestOf, type Use } from './podUse.ts';
import { type DiskLayout, type Signal, signals } from './signals.ts';

/** A Pod that something runs of. */
export interface EvictionCandidate {
  readonly uid: string;
  readonly pod: Pod;
  /** Absent: nothing could be read. */
  readonly stats: PodStats | undefined;
}

/** A Pod in the order of eviction, with what put it there. */
export interface Ranked {
  readonly candidate: EvictionCandidate;
  /** Never ended for pressure: static, or of system priority. */
  readonly critical: boolean;
  readonly exceedsRequest: boolean;
  readonly priority: number;
  /** What it takes of the resource; undefined: it is not known, which counts as more than anything. */
  readonly use: Use;
  readonly request: number;
}

/**
 * The order in which Pods go when a signal is starved: those that take more than they asked for, then the lower priority, then those
 * that take the most above their request. For tasks there is no request: priority, then the number.
 */
export function rankPods(signal: Signal, candidates: readonly EvictionCandidate[], layout: DiskLayout): Ranked[] {
  const ranked = candidates.map((candidate): Ranked => {
    const { pod, stats } = candidate;
    const use = stats && useOf(signal, stats, pod, layout);
    const request = requested(signal, pod);
    return {
      candidate,
      critical: isCriticalPod(pod),
      exceedsRequest: use === undefined || use > request,
      priority: pod.spec?.priority ?? 0,
      use,
      request,
    };
  });
  const byRequest = signals[signal].resource !== 'pids';
  return ranked.sort((a, b) => {
    if (byRequest && a.exceedsRequest !== b.exceedsRequest) return a.exceedsRequest ? -1 : 1;
    if (a.priority !== b.priority) return a.priority - b.priority;
    const [x, y] = [above(a), above(b)];
    return x === y ? 0 : y > x ? 1 : -1;
  });
}

/** The Pod that goes next. */
export function nextVictim(ranked: readonly Ranked[]): Ranked | undefined {
  return ranked.find(({ critical }) => !critical);
}

function above({ use, request }: Ranked): number {
  return use === undefined ? Number.POSITIVE_INFINITY : use - request;
}

function useOf(signal: Signal, stats: PodStats, pod: Pod, layout: DiskLayout): Use {
  switch (signals[signal].resource) {
    case 'memory':
      return stats.memory?.workingSetBytes;
    case 'pids':
      return stats.process_stats?.process_count;
    case 'ephemeral-storage':
      return diskUse(stats, pod, partsOn(signal, layout), 'usedBytes');
    case 'inodes':
      return diskUse(stats, pod, partsOn(signal, layout), 'inodesUsed');
  }
}

/** Nobody can ask for inodes or tasks. */
function requested(signal: Signal, pod: Pod): number {
  const { resource } = signals[signal];
  return resource === 'memory' || resource === 'ephemeral-storage' ? requestOf(pod, resource) : 0;
}
