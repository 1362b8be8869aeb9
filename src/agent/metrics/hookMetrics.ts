import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { HookOptions } from '../../probes/hooks.ts';

/** What is counted of lifecycle hooks: kubelet_lifecycle_handler_http_fallbacks_total and kubelet_sleep_action_terminated_early_total. */
export function hookCounters(m: Metrics): NonNullable<HookOptions['onMetric']> {
  const counters = {
    http_fallback: m.counter('kubelet_lifecycle_handler_http_fallbacks_total'),
    sleep_terminated: m.counter('kubelet_sleep_action_terminated_early_total'),
  };
  return (metric) => counters[metric].inc();
}
