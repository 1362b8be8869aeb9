/** Where and how near resources were given, as kubelet's metrics name it. */
export type Boundary = 'numa_node' | 'physical_cpu' | 'uncore_cache';

/** What the managers count; the agent's metrics take it. */
export interface ManagerCounters {
  /** A Pod was looked at. `ms`: how long that took. */
  admission(ms: number, rejected: boolean): void;
  /** A container asked for CPUs or memory of its own. */
  pinning(resource: 'cpu' | 'memory', failed: boolean): void;
  aligned(scope: 'container' | 'pod', boundary: Boundary, failed: boolean): void;
}

/** Counts nothing. */
export const NO_COUNTERS: ManagerCounters = { admission: () => {}, pinning: () => {}, aligned: () => {} };
