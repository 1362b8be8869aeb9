/** Where and how near resources were given, as kubelet's metrics name it. */
export type Boundary = 'numa_node' | 'physical_cpu' | 'uncore_cache';

/** Out of what something was given. */
export type Source = 'node' | 'pod';

/** What the managers count; the agent's metrics take it. */
export interface ManagerCounters {
  /** A Pod was looked at. `ms`: how long that took. */
  admission(ms: number, rejected: boolean): void;
  /** A container asked for CPUs or memory of its own. */
  pinning(resource: 'cpu' | 'memory', failed: boolean): void;
  /** A Pod with resources as a whole asked for them, and could not have them. */
  pinningFailed(resource: 'cpu' | 'memory'): void;
  /** With the feature gate PodLevelResourceManagers: something was given, out of the node's or the Pod's. */
  allocated(resource: 'cpu' | 'memory', source: Source, failed: boolean): void;
  /** With that gate: what a container has. */
  assigned(resource: 'cpu' | 'memory', assignment: 'node_exclusive' | 'pod_exclusive' | 'pod_shared'): void;
  aligned(scope: 'container' | 'pod', boundary: Boundary, failed: boolean): void;
}

/** Counts nothing. */
export const NO_COUNTERS: ManagerCounters = {
  admission: () => {},
  pinning: () => {},
  pinningFailed: () => {},
  allocated: () => {},
  assigned: () => {},
  aligned: () => {},
};
