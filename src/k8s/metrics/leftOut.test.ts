import { FAMILIES } from './families.ts';
import { LEFT_OUT } from './leftOut.ts';

/** The names behind `kubelet_` in kubelet 1.36.3 (pkg/kubelet/metrics and pkg/kubelet/server/metrics), by what they begin with. */
const KUBELET: Readonly<Record<string, string>> = {
  container: 'aligned_compute_resources_count aligned_compute_resources_failure_count requested_resizes_total',
  cpu_manager:
    'allocation_per_numa exclusive_cpu_allocation_count pinning_errors_total pinning_requests_total shared_pool_size_millicores',
  device_plugin: 'alloc_duration_seconds registration_total',
  evented_pleg_connection: 'error_count latency_seconds success_count',
  http: 'requests_total requests_duration_seconds inflight_requests',
  image: 'garbage_collected_total pull_duration_seconds',
  image_volume: 'mounted_errors_total mounted_succeed_total requested_total',
  memory_manager: 'pinning_errors_total pinning_requests_total',
  memory_qos_node_memory: 'low_bytes min_bytes',
  node_startup:
    'duration_seconds post_registration_duration_seconds pre_kubelet_duration_seconds pre_registration_duration_seconds registration_duration_seconds',
  pleg: 'discard_events last_seen_seconds pod_relist_duration_seconds relist_duration_seconds relist_interval_seconds',
  pod: 'deferred_accepted_resizes_total in_progress_resizes infeasible_resizes_total pending_resizes resize_duration_milliseconds start_duration_seconds start_sli_duration_seconds start_total_duration_seconds status_sync_duration_seconds watch_events_dropped_total worker_duration_seconds worker_start_duration_seconds',
  pod_resources_endpoint:
    'errors_get errors_get_allocatable errors_list requests_get requests_get_allocatable requests_list requests_total',
  runtime_operations: 'duration_seconds errors_total total',
  started:
    'containers_errors_total containers_total host_process_containers_errors_total host_process_containers_total pods_errors_total pods_total user_namespaced_pods_errors_total user_namespaced_pods_total',
  topology_manager_admission: 'duration_ms errors_total requests_total',
};
const OTHERS =
  'active_pods admission_rejections_total cgroup_manager_duration_seconds cgroup_version containers_per_pod_count cri_losing_support desired_pods eviction_stats_age_seconds evictions first_network_pod_start_sli_duration_seconds graceful_shutdown_end_time_seconds graceful_shutdown_start_time_seconds lifecycle_handler_http_fallbacks_total managed_ephemeral_containers metrics_provider mirror_pods node_name orphan_pod_cleaned_volumes orphan_pod_cleaned_volumes_errors orphaned_runtime_pods_total preemptions restarted_pods_total run_podsandbox_duration_seconds run_podsandbox_errors_total running_containers running_pods sleep_action_terminated_early_total terminated_containers_total volume_metric_collection_duration_seconds websocket_streaming_requests_total working_pods';

const names = [
  ...Object.entries(KUBELET).flatMap(([start, ends]) => ends.split(' ').map((end) => `kubelet_${start}_${end}`)),
  ...OTHERS.split(' ').map((name) => `kubelet_${name}`),
];

test.each(names)('%s is counted, or left out with a reason', (name) => {
  expect([name in FAMILIES, name in LEFT_OUT].filter(Boolean)).toHaveLength(1);
});

test('what is left out is a metric of kubelet', () => {
  expect(Object.keys(LEFT_OUT).filter((name) => !names.includes(name))).toEqual([]);
});
