import type { Pod } from '../../../types/k8s.ts';

/** Pods of this priority and above, up to the next group's, get this long at the node's end. */
export interface ShutdownGroup {
  readonly priority: number;
  readonly seconds: number;
}

/** The settings of a node's end. */
export interface ShutdownSettings {
  /** Milliseconds. */
  readonly shutdownGracePeriod: number;
  readonly shutdownGracePeriodCriticalPods: number;
  readonly shutdownGracePeriodByPodPriority: readonly {
    readonly priority: number;
    readonly shutdownGracePeriodSeconds: number;
  }[];
}

/** system-cluster-critical, the lowest priority of critical Pods. */
const SYSTEM_CRITICAL = 2_000_000_000;

/**
 * The groups in the order in which they end: lowest priority first. The older form of configuration makes two of them, critical Pods
 * last. None: the node's end is not waited for. `byPriority`: the gate GracefulNodeShutdownBasedOnPodPriority.
 */
export function shutdownGroups(settings: ShutdownSettings, byPriority: boolean): ShutdownGroup[] {
  const own = settings.shutdownGracePeriodByPodPriority;
  if (byPriority && own.length > 0) {
    const groups = own.map(({ priority, shutdownGracePeriodSeconds: seconds }) => ({ priority, seconds }));
    return groups.sort((a, b) => a.priority - b.priority);
  }
  const { shutdownGracePeriod: total, shutdownGracePeriodCriticalPods: critical } = settings;
  if (total === 0 || critical > total) return [];
  return [
    { priority: 0, seconds: Math.trunc((total - critical) / 1000) },
    { priority: SYSTEM_CRITICAL, seconds: Math.trunc(critical / 1000) },
  ];
}

/** How long the machine has to wait for us, in milliseconds. */
export function neededMs(groups: readonly ShutdownGroup[]): number {
  return groups.reduce((sum, { seconds }) => sum + seconds, 0) * 1000;
}

/** The index of a Pod's group: the highest that is not above its priority, the lowest for what is below all. */
export function groupOf(groups: readonly ShutdownGroup[], pod: Pod): number {
  const priority = pod.spec?.priority ?? 0;
  const own = groups.findIndex((group) => group.priority === priority);
  if (own >= 0) return own;
  return Math.max(
    0,
    groups.findLastIndex((group) => group.priority <= priority),
  );
}

/** The grace of a Pod in a group: its own, if that is not longer. Seconds. */
export function graceIn({ seconds }: ShutdownGroup, pod: Pod): number {
  return Math.min(seconds, pod.spec?.terminationGracePeriodSeconds ?? seconds);
}
