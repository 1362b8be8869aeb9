import type { Metrics } from '../../k8s/metrics/metrics.ts';

/** What evictions are counted by. */
export interface EvictionMetrics {
  /** A Pod was ended. `signal`: what was starved, or which limit of the Pod was exceeded. */
  evicted(signal: string): void;
  /** Seconds between the reading of a signal's figures and the choice of a Pod. */
  age(signal: string, seconds: number): void;
}

export function evictionMetrics(m: Metrics): EvictionMetrics {
  const evictions = m.counter('kubelet_evictions');
  const age = m.histogram('kubelet_eviction_stats_age_seconds');
  return {
    evicted: (signal) => evictions.inc({ eviction_signal: signal }),
    age: (signal, seconds) => age.observe(seconds, { eviction_signal: signal }),
  };
}
