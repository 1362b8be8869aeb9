/** What is known about red specs; a spec without an entry is an unexplained defect of kubelet-ts. */
export const causes: readonly { spec: RegExp; cause: string }[] = [
  {
    spec: /Mount propagation should propagate mounts within defined scopes/,
    cause:
      'machine: the spec enters the mount namespace of PID 1, which has a capability (SYS_RESOURCE) that no container gets here, so the kernel refuses; all of the propagation checks before it pass',
  },
  {
    spec: /Summary API/,
    cause:
      'harness: the spec knows no kube-api-access volumes, which Pods of a cluster with ServiceAccount admission have (all that the Go kubelet fails at). Besides, on cgroup v1 there is no pressure (PSI) in our summary, where Go shows zeros, the runtime tells CPU use over one second, which may be 0, and the node’s own interface is shown where Go looks for one called eth0 (docs/differences.md)',
  },
  {
    spec: /ContainerMetrics/,
    cause:
      'machine: the v1 blkio controller of this kernel counts nothing unless a throttle is configured, so the series of container_fs reads and writes have no samples',
  },
  {
    spec: /ImageID .* should be set to the manifest digest/,
    cause: 'machine: the spec pulls busybox by a digest that nothing built here can have',
  },
  {
    spec: /Pod InPlace Resize .*guaranteed qos - 1 container .* (cpu|mem) restart( \+ resize initContainers)? resizing/,
    cause:
      'machine: after a restart the spec looks for an oom_score_adj of -997, and without the capability SYS_RESOURCE the kernel lets nobody go below 0; it fails with the Go kubelet too',
  },
  {
    spec: /Validate OOM score adjustments .* oom-score-adj should be -999/,
    cause: 'machine: without the capability SYS_RESOURCE the kernel lets nobody’s oom_score_adj go below 0',
  },
  {
    spec: /Feature:NodeLogQuery/,
    cause: 'machine: no systemd, so journalctl has nothing of a kubelet; others of these specs want to log in by ssh',
  },
  {
    spec: /CSI Mock selinux on mount/,
    cause: 'machine: its kernel has no SELinux, so nothing is mounted with a label, by no kubelet',
  },
];
