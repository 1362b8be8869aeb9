import type { LabelOf } from '../../k8s/metrics/families.ts';
import { atMost, type Metrics } from '../../k8s/metrics/metrics.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { PodTable } from '../../pods/table.ts';
import type { ContainerStatus, PodStatus } from '../../types/k8s.ts';

/** Reasons are the runtime's words; kubelet has no limit. */
const MOST_REASONS = 50;

type Ended = Readonly<Record<LabelOf<'kubelet_terminated_containers_total'>, string>>;

/**
 * What is counted of Pods' containers from now on: kubelet_terminated_containers_total, kubelet_containers_per_pod_count,
 * kubelet_managed_ephemeral_containers and kubelet_orphaned_runtime_pods_total.
 */
export function countContainers(m: Metrics, table: PodTable): void {
  const ended = m.counter('kubelet_terminated_containers_total');
  const perPod = m.histogram('kubelet_containers_per_pod_count');
  const orphans = m.counter('kubelet_orphaned_runtime_pods_total');
  const isKnown = atMost(MOST_REASONS);
  // The status that the Pod had at its last decision; what it was at the first one is told by the API server.
  const before = new Map<string, PodStatus | undefined>();
  table.onDecided((entry) => {
    const { uid, pod, status } = entry;
    if (!before.has(uid)) {
      if (!pod) orphans.inc();
      else if (entry.phase !== 'Finished') perPod.observe(pod.spec?.containers?.length ?? 0);
    }
    const last = before.has(uid) ? before.get(uid) : entry.accepted;
    for (const labels of newlyEnded(last, status))
      ended.inc(isKnown(labels.reason) ? labels : { ...labels, reason: 'Other' });
    before.set(uid, status);
  });
  table.onEnded((uid) => before.delete(uid));
  m.gauge('kubelet_managed_ephemeral_containers', (gauge) => {
    const count = ({ pod, gone }: PodEntry) => (gone ? 0 : (pod?.spec?.ephemeralContainers?.length ?? 0));
    gauge.set(table.all().reduce((sum, entry) => sum + count(entry), 0));
  });
}

/** The containers that are terminated now and were not in the status before. */
function newlyEnded(before: PodStatus | undefined, now: PodStatus | undefined): Ended[] {
  const kinds = [
    ['init_container', before?.initContainerStatuses, now?.initContainerStatuses],
    ['container', before?.containerStatuses, now?.containerStatuses],
    ['ephemeral_container', before?.ephemeralContainerStatuses, now?.ephemeralContainerStatuses],
  ] as const;
  return kinds.flatMap(([type, old = [], statuses = []]) => {
    const was = new Set(old.filter(({ state }) => state?.terminated).map(({ name }) => name));
    return statuses.flatMap((one) => (was.has(one.name) ? [] : labelsOf(type, one)));
  });
}

function labelsOf(type: string, { state }: ContainerStatus): Ended[] {
  if (!state?.terminated) return [];
  const { exitCode, reason = '' } = state.terminated;
  return [{ container_type: type, exit_code: String(exitCode), reason }];
}
