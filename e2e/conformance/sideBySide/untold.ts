/** Families of the Go kubelet that kubelet-ts does not have: the first row that fits says why. */
export const UNTOLD: readonly { readonly what: RegExp; readonly reason: string }[] = [
  { what: /^go_/, reason: 'this is no Go program' },
  { what: /^(?:apiserver|aggregator)_/, reason: 'of libraries of the API server that the Go kubelet is linked with' },
  { what: /^workqueue_/, reason: 'of client-go’s queues, which are not here' },
  {
    what: /^(?:registered|hidden|disabled)_metrics_total$|^cardinality_enforcement_/,
    reason: 'of Go’s library of metrics, about itself',
  },
  { what: /^rest_client_transport_/, reason: 'of client-go’s cache of transports, which is not here' },
  { what: /^kubelet_(?:evented_)?pleg_/, reason: 'there is no PLEG: events wake, and a full list repairs' },
  { what: /^kubelet_pod_worker_/, reason: 'a Pod is not synced: the timeline tells what each step of it took' },
  {
    what: /^container_(?:health_state|cpu_load_(?:d_)?average_10s|tasks_state)$/,
    reason: 'always 0 or -1 in the Go kubelet',
  },
  { what: notCounted(), reason: 'not counted yet' },
];

/** What could be counted here and is not: open in hack/docs/completeness/server.ts. */
function notCounted(): RegExp {
  const names = [
    ...['kubelet_cgroup_manager_duration_seconds', 'kubelet_container_log_filesystem_used_bytes'],
    ...['kubelet_first_network_pod_start_sli_duration_seconds', 'kubelet_metrics_provider'],
    ...['kubelet_orphan_pod_cleaned_volumes', 'kubelet_orphan_pod_cleaned_volumes_errors'],
    ...['kubelet_pod_status_sync_duration_seconds', 'kubelet_restarted_pods_total'],
    ...['reconstruct_volume_operations_total', 'reconstruct_volume_operations_errors_total'],
    ...['force_cleaned_failed_volume_operations_total', 'force_cleaned_failed_volume_operation_errors_total'],
    ...['rest_client_response_size_bytes', 'rest_client_exec_plugin_certificate_rotation_age'],
    ...['rest_client_exec_plugin_ttl_seconds', 'volume_manager_total_volumes', 'volume_operation_total_seconds'],
    ...['container_fs_reads_total', 'container_fs_writes_total'],
  ];
  return new RegExp(`^(?:${names.join('|')})$`);
}

/** Why kubelet-ts lacks the family; undefined when nobody says. */
export function whyUntold(name: string): string | undefined {
  return UNTOLD.find(({ what }) => what.test(name))?.reason;
}
