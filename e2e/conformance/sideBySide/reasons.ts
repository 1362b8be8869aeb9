import type { Difference } from './compare.ts';
import { whyUntold } from './untold.ts';

interface Row {
  readonly where?: RegExp;
  readonly what: RegExp;
  readonly reason: string;
}

/** Why differences are as they are: the first row that fits counts. What no row explains is a defect of one side. */
const REASONS: readonly Row[] = [
  { what: /^kubelet_ts_/, reason: 'of this program alone' },
  {
    what: /^kubelet_pod_watch_events_dropped_total$/,
    reason: 'it is there when the Pods API is served (gate PodsAPI)',
  },
  {
    what: /^kubelet_node_startup_.*: value$/,
    reason: 'the Node was there: the Go kubelet, which ran first, had registered it',
  },
  {
    what: /^kubelet_image_pull_duration_seconds(?:: value)?$/,
    reason: 'the images were there: the Go kubelet had pulled them',
  },
  {
    what: /^kubelet_orphaned_runtime_pods_total: value$/,
    reason: 'what the Go kubelet had left in the runtime was found and removed',
  },
  {
    what: /^dra_operations_duration_seconds(?:: value)?$/,
    reason: 'the Go kubelet times Pods without claims too; here nothing is asked for them',
  },
  {
    what: /^kubelet_volume_metric_collection_duration_seconds(?:: value)?$/,
    reason: 'here it is the drivers’ answers alone that are timed; the Go kubelet measures each volume all the time',
  },
  {
    where: /cadvisor/,
    what: /^container_sockets: value$/,
    reason: 'of containers alone; the Go kubelet counts the whole machine’s too',
  },
  {
    where: /cadvisor/,
    what: /: value$/,
    reason: 'read when it is asked; the Go kubelet shows what it read up to 15 s before',
  },
  {
    where: /resource|summary/,
    what: /swap/,
    reason: 'on cgroup v1 nobody counts swap of a cgroup here; the Go kubelet shows 0',
  },
  {
    where: /resource/,
    what: /^pod_.*: value$/,
    reason: 'read when it is asked; the Go kubelet shows what it read up to 15 s before',
  },
  {
    where: /summary/,
    what: /\.psi\.|\.io\.time /,
    reason: 'cgroup v1 has no pressure, and none is shown; the Go kubelet shows zeros',
  },
  {
    where: /summary/,
    what: /^pods\[\]\.|usageNanoCores/,
    reason: 'read when it is asked; the Go kubelet shows what it read up to 15 s before, or not yet',
  },
  {
    where: /configz/,
    what: /tlsCertFile|tlsPrivateKeyFile/,
    reason: 'the setting; the Go kubelet shows the pair that it made in --cert-dir',
  },
  { where: /pods/, what: /managedFields/, reason: 'not kept in memory' },
  {
    where: /pods/,
    what: /containerStatuses\[\]\.state\./,
    reason: 'of the Pod that crashes: as it was at that moment',
  },
  { where: /^Node$/, what: /^status\.images/, reason: 'at the Go kubelet’s last report there were none yet' },
];

/** The reason of a difference, or undefined. */
export function reasonOf({ where, what, go, ts }: Difference): string | undefined {
  if (ts === '—' && go !== 'there') {
    const why = whyUntold(what);
    if (why !== undefined) return why;
  }
  return REASONS.find((row) => (row.where?.test(where) ?? true) && row.what.test(what))?.reason;
}
