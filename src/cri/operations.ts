// Names of runtime operations as the kubelet's metrics have them (label operation_type of kubelet_runtime_operations_*).

const IRREGULAR: Record<string, string> = {
  RunPodSandbox: 'run_podsandbox',
  StopPodSandbox: 'stop_podsandbox',
  RemovePodSandbox: 'remove_podsandbox',
  PodSandboxStatus: 'podsandbox_status',
  ListPodSandbox: 'list_podsandbox',
  PodSandboxStats: 'podsandbox_stats',
  ListPodSandboxStats: 'list_podsandbox_stats',
  ListPodSandboxMetrics: 'list_podsandbox_metrics',
  UpdatePodSandboxResources: 'update_podsandbox_resources',
  UpdateContainerResources: 'update_container',
};

/** `RunPodSandbox` → `run_podsandbox`, `ListContainers` → `list_containers`. */
export function operationName(method: string): string {
  return IRREGULAR[method] ?? method.replace(/(?<=[a-z])([A-Z])/g, '_$1').toLowerCase();
}
