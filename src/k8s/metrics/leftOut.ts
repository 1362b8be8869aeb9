const RELIST =
  'there is no loop that lists all Pods again and again: `kubelet_runtime_operations_*` tells what the runtime takes';
const TURNS =
  'there are no syncs: a turn of a Pod’s worker takes well below a millisecond, and its actions are counted by what they do';
const WINDOWS = 'Windows only';
const NOT_YET = 'not counted yet';

/** Families of kubelet 1.36 that `/metrics` does not have here, each with the reason. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  kubelet_pleg_relist_duration_seconds: RELIST,
  kubelet_pleg_relist_interval_seconds: RELIST,
  kubelet_pleg_pod_relist_duration_seconds: RELIST,
  kubelet_pleg_last_seen_seconds: RELIST,
  kubelet_pleg_discard_events: RELIST,
  kubelet_evented_pleg_connection_error_count: RELIST,
  kubelet_evented_pleg_connection_latency_seconds: RELIST,
  kubelet_evented_pleg_connection_success_count: RELIST,
  kubelet_pod_worker_duration_seconds: TURNS,
  kubelet_pod_worker_start_duration_seconds: TURNS,
  kubelet_cgroup_manager_duration_seconds: NOT_YET,
  kubelet_first_network_pod_start_sli_duration_seconds: NOT_YET,
  kubelet_metrics_provider: NOT_YET,
  kubelet_orphan_pod_cleaned_volumes: NOT_YET,
  kubelet_orphan_pod_cleaned_volumes_errors: NOT_YET,
  kubelet_pod_status_sync_duration_seconds: NOT_YET,
  kubelet_restarted_pods_total: NOT_YET,
  kubelet_started_host_process_containers_errors_total: WINDOWS,
  kubelet_started_host_process_containers_total: WINDOWS,
  kubelet_websocket_streaming_requests_total: 'WebSockets pass to the runtime unread, so nobody here could count them',
};
