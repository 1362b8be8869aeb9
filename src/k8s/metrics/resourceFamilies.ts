import { between, DEFAULT_BUCKETS, exponential, type Family } from './family.ts';

/** Seconds of Kubernetes' storage metrics (pkg/volume/util/metrics.go). */
const STORAGE = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];
const DRA = between(0.1, 40, 15);

const endpoint = (what: string) => ({
  type: 'counter' as const,
  help: `${what}, by version of its API`,
  labels: ['server_api_version'] as const,
});

const seLinux = <const L extends readonly string[]>(help: string, labels: L) => ({
  type: 'gauge' as const,
  help,
  labels,
});

/** Volumes; devices, claims, CPUs and memory that containers have for themselves. */
export const resourceFamilies = {
  storage_operation_duration_seconds: {
    type: 'histogram',
    help: 'Duration of what is done with volumes',
    labels: ['volume_plugin', 'operation_name', 'status', 'migrated'],
    buckets: STORAGE,
  },
  csi_operations_seconds: {
    type: 'histogram',
    help: 'Duration of calls to CSI drivers, by code of the answer',
    labels: ['driver_name', 'method_name', 'grpc_status_code', 'migrated'],
    buckets: STORAGE,
  },
  kubelet_volume_metric_collection_duration_seconds: {
    type: 'histogram',
    help: 'Time to ask for the statistics of a volume',
    labels: ['metric_source'],
    buckets: DEFAULT_BUCKETS,
  },
  volume_manager_selinux_container_errors_total: seLinux(
    "Attempts to give a Pod a volume whose SELinux label cannot be made of its containers' options",
    ['access_mode'],
  ),
  volume_manager_selinux_container_warnings_total: seLinux(
    'The same of volumes that are not mounted with a label yet: errors, once they are (SELinuxMount)',
    ['access_mode'],
  ),
  volume_manager_selinux_pod_context_mismatch_errors_total: seLinux(
    'Attempts to give a Pod a volume that its containers want under several SELinux labels',
    ['access_mode'],
  ),
  volume_manager_selinux_pod_context_mismatch_warnings_total: seLinux(
    'The same of volumes that are not mounted with a label yet: errors, once they are (SELinuxMount)',
    ['access_mode'],
  ),
  volume_manager_selinux_volume_context_mismatch_errors_total: seLinux(
    'Pods that want a volume under another SELinux label than the Pods that have it',
    ['volume_plugin', 'access_mode'],
  ),
  volume_manager_selinux_volume_context_mismatch_warnings_total: seLinux(
    'The same of volumes that are not mounted with a label yet: errors, once they are (SELinuxMount)',
    ['volume_plugin', 'access_mode'],
  ),
  volume_manager_selinux_volumes_admitted_total: seLinux(
    'Volumes that a Pod wants under one SELinux label: they are mounted with it, or will be once all access modes are (SELinuxMount)',
    ['volume_plugin', 'access_mode'],
  ),
  kubelet_device_plugin_registration_total: {
    type: 'counter',
    help: 'Registrations of device plugins by resource',
    labels: ['resource_name'],
  },
  kubelet_device_plugin_alloc_duration_seconds: {
    type: 'histogram',
    help: 'Duration of Allocate by resource',
    labels: ['resource_name'],
    buckets: DEFAULT_BUCKETS,
  },
  kubelet_pod_resources_endpoint_requests_total: endpoint('Requests to the PodResources endpoint'),
  kubelet_pod_resources_endpoint_requests_list: endpoint('Requests for List of the PodResources endpoint'),
  kubelet_pod_resources_endpoint_requests_get: endpoint('Requests for Get of the PodResources endpoint'),
  kubelet_pod_resources_endpoint_requests_get_allocatable: endpoint(
    'Requests for GetAllocatableResources of the PodResources endpoint',
  ),
  kubelet_pod_resources_endpoint_errors_list: endpoint('Failed requests for List of the PodResources endpoint'),
  kubelet_pod_resources_endpoint_errors_get: endpoint('Failed requests for Get of the PodResources endpoint'),
  kubelet_pod_resources_endpoint_errors_get_allocatable: endpoint(
    'Failed requests for GetAllocatableResources of the PodResources endpoint',
  ),
  dra_operations_duration_seconds: {
    type: 'histogram',
    help: "Time to prepare or give back all claims of a Pod, by success; failures are in the histogram's count",
    labels: ['operation_name', 'is_error'],
    buckets: DRA,
  },
  dra_grpc_operations_duration_seconds: {
    type: 'histogram',
    help: 'Duration of calls to DRA drivers',
    labels: ['driver_name', 'method_name', 'grpc_status_code'],
    buckets: DRA,
  },
  dra_resource_claims_in_use: {
    type: 'gauge',
    help: 'Claims in use, by driver and for all of them (<any>); a claim may have devices of several drivers, so the sum of the drivers may be more than <any>',
    labels: ['driver_name'],
  },
  resource_manager_allocations_total: {
    type: 'counter',
    help: 'Resources that a manager gave, by resource and by what they were taken from, the node or the Pod; with the feature gate PodLevelResourceManagers',
    labels: ['resource_name', 'source'],
  },
  resource_manager_allocation_errors_total: {
    type: 'counter',
    help: 'Resources that a manager could not give, by resource and by what they were to be taken from; with the feature gate PodLevelResourceManagers',
    labels: ['resource_name', 'source'],
  },
  resource_manager_container_assignments: {
    type: 'counter',
    help: "Containers by resource and by what they have of it: a part of the node, a part of the Pod, or what the Pod's containers share; with the feature gate PodLevelResourceManagers",
    labels: ['resource_name', 'assignment_type'],
  },
  kubelet_topology_manager_admission_requests_total: {
    type: 'counter',
    help: 'Admissions of Pods whose resources have to be aligned',
    labels: [],
  },
  kubelet_topology_manager_admission_errors_total: {
    type: 'counter',
    help: 'Admissions that failed because resources could not be aligned',
    labels: [],
  },
  kubelet_topology_manager_admission_duration_ms: {
    type: 'histogram',
    help: 'Duration in milliseconds of admissions of Pods whose resources have to be aligned',
    labels: [],
    buckets: exponential(0.05, 2, 15),
  },
  kubelet_container_aligned_compute_resources_count: {
    type: 'counter',
    help: 'Aligned resources that were allocated, by boundary',
    labels: ['scope', 'boundary'],
  },
  kubelet_container_aligned_compute_resources_failure_count: {
    type: 'counter',
    help: 'Resources that could not be aligned, by boundary',
    labels: ['scope', 'boundary'],
  },
  kubelet_cpu_manager_pinning_requests_total: {
    type: 'counter',
    help: 'Allocations of CPUs that had to be pinned',
    labels: [],
  },
  kubelet_cpu_manager_pinning_errors_total: {
    type: 'counter',
    help: 'Allocations of CPUs that had to be pinned and failed',
    labels: [],
  },
  kubelet_memory_manager_pinning_requests_total: {
    type: 'counter',
    help: 'Allocations of memory pages that had to be pinned',
    labels: [],
  },
  kubelet_memory_manager_pinning_errors_total: {
    type: 'counter',
    help: 'Allocations of memory pages that had to be pinned and failed',
    labels: [],
  },
  kubelet_cpu_manager_shared_pool_size_millicores: {
    type: 'gauge',
    help: 'CPUs that no container has for itself, in millicores',
    labels: [],
  },
  kubelet_cpu_manager_exclusive_cpu_allocation_count: {
    type: 'gauge',
    help: 'CPUs that containers have for themselves',
    labels: [],
  },
  kubelet_cpu_manager_allocation_per_numa: {
    type: 'gauge',
    help: 'CPUs that containers have for themselves, by NUMA node',
    labels: ['numa_node'],
  },
} as const satisfies Readonly<Record<string, Family>>;
