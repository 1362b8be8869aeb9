import { DEFAULT_BUCKETS, exponential, type Family } from './family.ts';

/** Seconds of a Pod's start (pkg/kubelet/metrics/metrics.go). */
const POD_START = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const RESIZE_MS = [10, 50, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000];
const PROBE_LABELS = ['probe_type', 'container', 'pod', 'namespace'] as const;

/** Calls to the runtime; Pods, containers, probes and resizes. */
export const podFamilies = {
  kubelet_runtime_operations_total: { type: 'counter', help: 'Calls to the runtime', labels: ['operation_type'] },
  kubelet_runtime_operations_errors_total: {
    type: 'counter',
    help: 'Failed calls to the runtime',
    labels: ['operation_type'],
  },
  kubelet_runtime_operations_duration_seconds: {
    type: 'histogram',
    help: 'Duration of calls to the runtime',
    labels: ['operation_type'],
    buckets: exponential(0.005, 2.5, 14),
  },
  kubelet_run_podsandbox_duration_seconds: {
    type: 'histogram',
    help: 'Duration of RunPodSandbox',
    labels: ['runtime_handler'],
    buckets: DEFAULT_BUCKETS,
  },
  kubelet_run_podsandbox_errors_total: { type: 'counter', help: 'Failed RunPodSandbox', labels: ['runtime_handler'] },
  kubelet_podcertificate_states: {
    type: 'gauge',
    help: 'podCertificate sources of Pods by signer and state',
    labels: ['signer_name', 'state'],
  },
  kubelet_admission_rejections_total: {
    type: 'counter',
    help: 'Pods that the node rejected, by reason',
    labels: ['reason'],
  },
  kubelet_started_pods_total: { type: 'counter', help: 'Attempts to start a Pod sandbox', labels: [] },
  kubelet_started_pods_errors_total: { type: 'counter', help: 'Pod sandboxes that failed to start', labels: [] },
  kubelet_memory_qos_node_memory_min_bytes: {
    type: 'gauge',
    help: 'Bytes that are kept for Guaranteed Pods and never reclaimed; with the gate MemoryQoS on cgroup v2',
    labels: [],
  },
  kubelet_memory_qos_node_memory_low_bytes: {
    type: 'gauge',
    help: 'Bytes that are kept for Burstable Pods as long as possible; with the gate MemoryQoS on cgroup v2',
    labels: [],
  },
  kubelet_started_user_namespaced_pods_total: {
    type: 'counter',
    help: 'Attempts to start the sandbox of a Pod that has a user namespace',
    labels: [],
  },
  kubelet_started_user_namespaced_pods_errors_total: {
    type: 'counter',
    help: 'Starts of Pods with user namespaces that failed',
    labels: [],
  },
  kubelet_started_containers_total: {
    type: 'counter',
    help: 'Attempts to start a container',
    labels: ['container_type'],
  },
  kubelet_started_containers_errors_total: {
    type: 'counter',
    help: 'Containers that failed to start',
    labels: ['container_type', 'code'],
  },
  kubelet_terminated_containers_total: {
    type: 'counter',
    help: 'Containers that ended, by exit code and reason',
    labels: ['container_type', 'exit_code', 'reason'],
  },
  kubelet_containers_per_pod_count: {
    type: 'histogram',
    help: 'Containers of each Pod that the node takes on',
    labels: [],
    buckets: exponential(1, 2, 5),
  },
  kubelet_managed_ephemeral_containers: {
    type: 'gauge',
    help: 'Ephemeral containers of the Pods of the node',
    labels: [],
  },
  kubelet_orphaned_runtime_pods_total: {
    type: 'counter',
    help: 'Pods that only the runtime knew when they were found',
    labels: [],
  },
  kubelet_pod_start_duration_seconds: {
    type: 'histogram',
    help: 'From the moment that the node hears of a Pod until it runs',
    labels: [],
    buckets: POD_START,
  },
  kubelet_pod_start_total_duration_seconds: {
    type: 'histogram',
    help: 'From the creation of a Pod until it runs',
    labels: [],
    buckets: POD_START,
  },
  kubelet_pod_start_sli_duration_seconds: {
    type: 'histogram',
    help: 'From the creation of a Pod until it runs, without the time of image pulls',
    labels: [],
    buckets: POD_START,
  },
  kubelet_running_pods: { type: 'gauge', help: 'Pods with a ready sandbox', labels: [] },
  kubelet_running_containers: { type: 'gauge', help: 'Containers by state', labels: ['container_state'] },
  kubelet_desired_pods: { type: 'gauge', help: 'Pods that the node should run', labels: ['static'] },
  kubelet_active_pods: { type: 'gauge', help: 'Pods that are being run', labels: ['static'] },
  kubelet_mirror_pods: { type: 'gauge', help: 'Static Pods that the API server shows', labels: [] },
  kubelet_working_pods: {
    type: 'gauge',
    help: 'Pods by what is done with them',
    labels: ['lifecycle', 'config', 'static'],
  },
  prober_probe_total: {
    type: 'counter',
    help: 'Probes by result',
    labels: [...PROBE_LABELS, 'result', 'pod_uid'],
    stability: 'BETA',
  },
  prober_probe_duration_seconds: {
    type: 'histogram',
    help: 'Duration of probes',
    labels: PROBE_LABELS,
    buckets: DEFAULT_BUCKETS,
  },
  kubelet_lifecycle_handler_http_fallbacks_total: {
    type: 'counter',
    help: 'Hooks over HTTPS that were answered with HTTP and went on with it',
    labels: [],
  },
  kubelet_sleep_action_terminated_early_total: {
    type: 'counter',
    help: 'Hooks that sleep whose container ended first',
    labels: [],
  },
  kubelet_container_requested_resizes_total: {
    type: 'counter',
    help: 'Resizes that were asked for, by container, resource and what becomes of its request or limit',
    labels: ['resource', 'requirement', 'operation'],
  },
  kubelet_pod_resize_duration_milliseconds: {
    type: 'histogram',
    help: 'Duration in milliseconds to carry out the resize of a Pod',
    labels: ['success'],
    buckets: RESIZE_MS,
  },
  kubelet_pod_infeasible_resizes_total: {
    type: 'counter',
    help: 'Resizes that this node never carries out',
    labels: ['reason_detail'],
  },
  kubelet_pod_deferred_accepted_resizes_total: {
    type: 'counter',
    help: 'Resizes that were granted after they had been deferred',
    labels: ['retry_trigger'],
  },
  kubelet_pod_pending_resizes: { type: 'gauge', help: 'Pods whose resize is not granted', labels: ['reason'] },
  kubelet_pod_watch_events_dropped_total: {
    type: 'counter',
    help: 'Watchers of Pods dropped because they were slow',
    labels: [],
  },
  kubelet_pod_in_progress_resizes: { type: 'gauge', help: 'Pods whose resize is being carried out', labels: [] },
} as const satisfies Readonly<Record<string, Family>>;
