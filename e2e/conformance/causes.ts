/** What is known about red specs; a spec without an entry is an unexplained defect of kubelet-ts. */
export const causes: readonly { spec: RegExp; cause: string }[] = [
  {
    spec: /consumable as environment variable names|consumable via the environment|almost all printable ASCII/,
    cause:
      "image: Debian's busybox drops environment names that are no identifiers (its patch reverts upstream's 9c143ce52da1); upstream's shell passes them on",
  },
  {
    spec: /Mount propagation should propagate mounts within defined scopes/,
    cause:
      'machine: the spec enters the mount namespace of PID 1, which has a capability (SYS_RESOURCE) that no container gets here, so the kernel refuses; all of the propagation checks before it pass',
  },
];
