// What the runtime was seen to hold for one Pod: facts for the pure rules, JSON-serialisable for replay.
// Times are wall-clock milliseconds (fractions kept to the microsecond), 0 if the runtime did not say.

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

/** The user the runtime started the first process as. */
export interface ObservedUser {
  uid: number;
  gid: number;
  supplementalGroups: number[];
}

/** Limits the runtime reports as applied; what it does not report is absent. */
export interface ObservedResources {
  cpuShares?: number;
  cpuQuota?: number;
  cpuPeriod?: number;
  memoryLimitBytes?: number;
}

export interface ObservedContainer {
  id: string;
  sandboxId: string;
  name: string;
  attempt: number;
  state: ContainerState;
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  /** The runtime's word: Completed, Error, OOMKilled … */
  reason: string;
  /** The runtime's own message. */
  message: string;
  /** The termination message file, or the tail of the log, as the container's policy says; '' unless exited. */
  terminationMessage: string;
  /** The image as the Pod names it. */
  image: string;
  imageRef: string;
  imageId: string;
  /** Annotation io.kubernetes.container.hash. */
  hash: string;
  /** Annotation io.kubernetes.container.restartCount, else the attempt. */
  restartCount: number;
  /** Only the kubelet's own, io.kubernetes.*. */
  annotations: Record<string, string>;
  logPath: string;
  user?: ObservedUser;
  /** The signal that the runtime stops it with, in the API's name; absent: it did not say. */
  stopSignal?: string;
  resources?: ObservedResources;
}

export interface ObservedSandbox {
  id: string;
  attempt: number;
  ready: boolean;
  createdAt: number;
  /** The sandbox's address first, then the additional ones; empty on the host's network. */
  ips: string[];
  hostNetwork: boolean;
  runtimeHandler: string;
  /** Only the kubelet's own, io.kubernetes.*. */
  annotations?: Record<string, string>;
}

export interface ObservedPod {
  uid: string;
  name: string;
  namespace: string;
  /** Taken when the read was sent: a read with a higher number began later. */
  seq: number;
  /** Newest first. */
  sandboxes: ObservedSandbox[];
  /** Newest first. */
  containers: ObservedContainer[];
}

/** What a list alone tells about a container. */
export type ListedContainer = Pick<
  ObservedContainer,
  | 'id'
  | 'sandboxId'
  | 'name'
  | 'attempt'
  | 'state'
  | 'createdAt'
  | 'image'
  | 'imageRef'
  | 'imageId'
  | 'hash'
  | 'restartCount'
  | 'annotations'
>;
/** What a list alone tells about a sandbox. */
export type ListedSandbox = Omit<ObservedSandbox, 'ips' | 'hostNetwork'>;
/** One Pod of a full list; every ObservedPod is one too. */
export interface ListedPod extends Pick<ObservedPod, 'uid' | 'name' | 'namespace' | 'seq'> {
  sandboxes: ListedSandbox[];
  containers: ListedContainer[];
}
