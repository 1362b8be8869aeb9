import { built, differs, open, type Part } from './part.ts';

/** The server and what it shows. */
export const SERVER: readonly Part[] = [
  differs('HTTP/2 on :10250', 'HTTP/1.1 only'),
  built('The check `device-plugin` of /healthz', 'src/server/kubeletServer.test.ts', 'health'),
  differs('ExtendWebSocketsToKubelet', 'exec, attach and port-forward pass unread to the runtime'),
  built('/checkpoint', 'src/server/auth/attributes.test.ts', '%s %s asks for %s on %j'),
  differs('/debug/pprof', '`/debug/pprof/`: `profile` is V8'),
  built(
    'The read-only port',
    'src/server/kubeletServer.test.ts',
    'the read-only port serves what needs no rights, and nothing else',
  ),
  built(
    '/stats/summary: figures of Pods from their cgroups, with pressure',
    'src/stats/cadvisor/cgroupFigures.test.ts',
    'cgroup v%d says the same in its own words',
  ),
  differs('Pressure where the kernel tells none', 'Where the kernel tells no pressure (PSI) of a cgroup'),
  built(
    'Pods API',
    'src/server/podsApi/server.test.ts',
    'a watcher is told what there is, and then what changes, each once',
  ),
  built(
    'Metrics of the Go kubelet: names, types, labels, buckets, stability',
    'e2e/conformance/sideBySide/sideBySide.test.ts',
    '%s is the Go kubelet’s, or stands in the table of what is left out',
  ),
  open(
    'kubelet_cgroup_manager_*, container_log_filesystem_*, orphan_pod_*, restarted_pods, pod_status_sync, first_network_pod_*, metrics_provider',
    'metrics',
    'not counted yet: e2e/conformance/sideBySide/untold.ts',
  ),
  open(
    'reconstruct_volume_*, force_cleaned_*, volume_manager_total_volumes, volume_operation_total_seconds',
    'volumes',
    'not counted yet: e2e/conformance/sideBySide/untold.ts',
  ),
  open(
    'rest_client_response_size_bytes, rest_client_exec_plugin_*',
    'API client',
    'not counted yet: e2e/conformance/sideBySide/untold.ts',
  ),
  open(
    'container_fs_reads_total and container_fs_writes_total on cgroup v1',
    'stats',
    'the Go kubelet has them; the kernel’s files of v1 are not read for them',
  ),
  built('Meaning of the label static', 'src/agent/metrics/agentMetrics.test.ts', 'gauges are counted at the scrape'),
  built(
    'Attempts to start containers are counted',
    'src/agent/metrics/agentMetrics.test.ts',
    'effects: sandboxes and containers, with their kinds and errors',
  ),
  built(
    'kubelet_pod_start_sli_duration_seconds',
    'src/agent/metrics/agentMetrics.test.ts',
    'the time of a start without init containers, and none of a Pod with a volume that outlasts it',
  ),
  built(
    'kubernetes_build_info',
    'src/agent/metrics/agentMetrics.test.ts',
    'feature gates and the build, with the labels that dashboards select by',
  ),
  built(
    'HELP with stability',
    'src/k8s/metrics/metrics.test.ts',
    'metrics are written in text form with their stability',
  ),
  built(
    'rest_client_*',
    'src/agent/metrics/restClient.test.ts',
    'requests to the API server by code, verb and the host that is asked now',
  ),
  built('kubelet_volume_stats_*', 'src/stats/volumeMetrics.test.ts', 'each claim once, under kubelet’s names'),
  built(
    'storage_operation_duration_seconds',
    'src/volumes/metrics.test.ts',
    'steps of volumes that outlast Pods: staging and publishing are one mount',
  ),
  built(
    'csi_operations_seconds',
    'src/volumes/csi/driver.test.ts',
    'each call is told with its code: csi_operations_seconds',
  ),
  built('Metrics of images', 'src/agent/metrics/imageVolumeMetrics.test.ts', '%s'),
  built(
    'dra_* and metrics of claims',
    'src/agent/metrics/claimMetrics.test.ts',
    'names, labels and buckets are kubelet’s',
  ),
  built('resource_manager_*', 'src/ledger/managers/wholePods.test.ts', 'metrics count each container by what it has'),
  built('kubelet_admission_rejections_total', 'src/agent/metrics/admissionMetrics.test.ts', '%s counts as %s'),
  built(
    'Samples of /metrics/resource with milliseconds',
    'src/stats/podStats.test.ts',
    'samples have the millisecond of their reading, and API objects whole seconds',
  ),
  differs(
    'container_health_state, load averages and task states',
    '`/metrics/cadvisor` reads the cgroups when it is asked',
  ),
  built(
    'container_scrape_error',
    'src/stats/cadvisor/cadvisorReader.test.ts',
    'a runtime that does not answer is told of, and the rest is there',
  ),
  open('container_fs_io_cost_*', 'stats', 'only where io.cost is switched on in the kernel'),
  built(
    'machine_cpu_books, machine_cpu_drawers, machine_nvm_*',
    'src/stats/cadvisor/cadvisorReader.test.ts',
    'machine, Pods and containers (%s)',
  ),
];
