import { DEFAULT_BUCKETS, type Family } from './family.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
/** Seconds: a minute to four years (client-go's certificate manager). */
const AGES = [60, HOUR, 4 * HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, 360 * DAY, 4 * 360 * DAY];
/** client-go's, in seconds and bytes. */
const REQUEST_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const REQUEST_BYTES = [64, 256, 512, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216];
const HTTP_LABELS = ['method', 'path', 'server_type', 'long_running'] as const;
const expiry = (which: string) => `Seconds until the ${which} certificate expires; +Inf if there is no valid one`;
const renewal = (which: string) => `Failed attempts to renew the ${which} certificate`;

/** The program, its server, its requests to the API server, its certificates; evictions and the end of the node. */
export const nodeFamilies = {
  kubelet_node_name: { type: 'gauge', help: "The node's name", labels: ['node'] },
  kubelet_node_startup_pre_kubelet_duration_seconds: {
    type: 'gauge',
    help: 'From the start of the machine to that of this program; 0 unless this process made the Node',
    labels: [],
  },
  kubelet_node_startup_pre_registration_duration_seconds: {
    type: 'gauge',
    help: 'From the start of this program to its first attempt to make the Node; 0 unless this process made the Node',
    labels: [],
  },
  kubelet_node_startup_registration_duration_seconds: {
    type: 'gauge',
    help: 'From the first attempt until the API server had made the Node; 0 unless this process made the Node',
    labels: [],
  },
  kubelet_node_startup_post_registration_duration_seconds: {
    type: 'gauge',
    help: 'From then until the Node was Ready; 0 unless this process made the Node',
    labels: [],
  },
  kubelet_node_startup_duration_seconds: {
    type: 'gauge',
    help: 'From the start of the machine until the Node was Ready; 0 unless this process made the Node',
    labels: [],
  },
  kubelet_cgroup_version: { type: 'gauge', help: "The version of the machine's cgroups: 1 or 2", labels: [] },
  kubelet_cri_losing_support: {
    type: 'gauge',
    help: 'The Kubernetes version that this runtime is too old for; absent while nothing is known to be too old',
    labels: ['version'],
  },
  kubelet_preemptions: {
    type: 'counter',
    help: 'Pods that were ended to make room for critical ones, by the first resource that these lacked',
    labels: ['preemption_signal'],
  },
  kubernetes_build_info: {
    type: 'gauge',
    help: 'The build of the program',
    labels: [
      'major',
      'minor',
      'git_version',
      'git_commit',
      'git_tree_state',
      'build_date',
      'go_version',
      'compiler',
      'platform',
    ],
    stability: 'BETA',
  },
  kubernetes_feature_enabled: {
    type: 'gauge',
    help: 'Whether a feature gate is on',
    labels: ['name', 'stage'],
    stability: 'BETA',
  },
  kubernetes_healthcheck: {
    type: 'gauge',
    help: 'Result of the last health check: 1 is healthy',
    labels: ['name', 'type'],
    stability: 'STABLE',
  },
  kubernetes_healthchecks_total: {
    type: 'counter',
    help: 'Health checks by result',
    labels: ['name', 'type', 'status'],
    stability: 'STABLE',
  },
  kubelet_http_requests_total: { type: 'counter', help: 'Requests received since the start', labels: HTTP_LABELS },
  kubelet_http_inflight_requests: { type: 'gauge', help: 'Requests being answered', labels: HTTP_LABELS },
  kubelet_http_requests_duration_seconds: {
    type: 'histogram',
    help: 'Time to answer a request',
    labels: HTTP_LABELS,
    buckets: DEFAULT_BUCKETS,
  },
  rest_client_request_duration_seconds: {
    type: 'histogram',
    help: 'How long the API server took to answer',
    labels: ['verb', 'host'],
    buckets: REQUEST_SECONDS,
  },
  rest_client_request_size_bytes: {
    type: 'histogram',
    help: 'Size of requests to the API server',
    labels: ['verb', 'host'],
    buckets: REQUEST_BYTES,
  },
  rest_client_rate_limiter_duration_seconds: {
    type: 'histogram',
    help: "How long requests to the API server waited for the client's own rate limit",
    labels: ['verb', 'host'],
    buckets: REQUEST_SECONDS,
  },
  rest_client_requests_total: {
    type: 'counter',
    help: 'Requests to the API server, by the code of the answer',
    labels: ['code', 'method', 'host'],
  },
  rest_client_request_retries_total: {
    type: 'counter',
    help: 'Requests to the API server that were sent again',
    labels: ['code', 'verb', 'host'],
  },
  kubelet_certificate_manager_client_ttl_seconds: { type: 'gauge', help: expiry('client'), labels: [] },
  kubelet_certificate_manager_client_expiration_renew_errors: { type: 'counter', help: renewal('client'), labels: [] },
  kubelet_certificate_manager_server_ttl_seconds: { type: 'gauge', help: expiry('serving'), labels: [] },
  kubelet_server_expiration_renew_errors: { type: 'counter', help: renewal('serving'), labels: [] },
  kubelet_certificate_manager_server_rotation_seconds: {
    type: 'histogram',
    help: 'How many seconds the previous serving certificate lived before it was replaced',
    labels: [],
    buckets: AGES,
  },
  kubelet_evictions: { type: 'counter', help: 'Evictions of Pods by eviction signal', labels: ['eviction_signal'] },
  kubelet_eviction_stats_age_seconds: {
    type: 'histogram',
    help: 'How old the figures were that a Pod was evicted for, by eviction signal',
    labels: ['eviction_signal'],
    buckets: DEFAULT_BUCKETS,
  },
  kubelet_graceful_shutdown_start_time_seconds: {
    type: 'gauge',
    help: 'When the last graceful shutdown began, in seconds since the epoch',
    labels: [],
  },
  kubelet_graceful_shutdown_end_time_seconds: {
    type: 'gauge',
    help: 'When the last graceful shutdown ended, in seconds since the epoch',
    labels: [],
  },
  kubelet_ts_followed_objects: {
    type: 'gauge',
    help: 'ConfigMaps, Secrets, claims and volumes that Pods refer to: followed at the API server, or refused because there are too many',
    labels: ['state'],
  },
  kubelet_ts_recorder_bytes: {
    type: 'gauge',
    help: 'Bytes of memory that timelines and traces of Pods take, by estimate',
    labels: ['kind'],
  },
} as const satisfies Readonly<Record<string, Family>>;
