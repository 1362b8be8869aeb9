/** What is known about red specs; a spec without an entry is an unexplained defect of kubelet-ts. */
export const causes: readonly { spec: RegExp; cause: string }[] = [
  {
    spec: /consumable as environment variable names|consumable via the environment|almost all printable ASCII/,
    cause:
      "image: Debian's busybox drops environment names that are no identifiers (its patch reverts upstream's 9c143ce52da1); upstream's shell passes them on",
  },
];
