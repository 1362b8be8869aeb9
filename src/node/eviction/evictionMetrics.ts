import { DEFAULT_BUCKETS, type Metrics } from '../../lib/metrics.ts';

/** What evictions are counted by. */
export interface EvictionMetrics {
  /** A Pod was ended. `signal`: what was starved, or which limit of the Pod was exceeded. */
  evicted(signal: string): void;
  /** Seconds between the reading of a signal's figures and the choice of a Pod. */
  age(signal: string, seconds: number): void;
}

export function evictionMetrics(m: Metrics): EvictionMetrics {
  const labels = ['eviction_signal'];
  const evictions = m.counter(
    'kubelet_evictions',
    '[ALPHA] Cumulative number of pod evictions by eviction signal',
    labels,
  );
  const age = m.histogram(
    'kubelet_eviction_stats_age_seconds',
    '[ALPHA] Time between when stats are collected, and when pod is evicted based on those stats by eviction signal',
    DEFAULT_BUCKETS,
    labels,
  );
  return {
    evicted: (signal) => evictions.inc({ eviction_signal: signal }),
    age: (signal, seconds) => age.observe(seconds, { eviction_signal: signal }),
  };
}
