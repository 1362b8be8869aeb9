/** Gives the answer of /stats/summary. */
export interface SummarySource {
  /** Reads now; `cpuAndMemoryOnly` leaves everything else out. */
  summary(cpuAndMemoryOnly: boolean): Promise<object>;
  /** The answer of /metrics/resource, from the same reading. */
  resourceMetrics(): Promise<string>;
  /** The answer of /metrics/cadvisor, in pieces. */
  cadvisorMetrics(): AsyncIterable<string>;
}
