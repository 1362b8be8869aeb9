import type { MetricDescriptorOut, PodSandboxMetricsOut } from '../../cri/generated/runtime.ts';
import { prometheusText } from '../prometheusText.ts';

/** The runtime's own metrics (KEP-2371, PodAndContainerStatsFromCRI) as text; those without a descriptor are left out. */
export function* criMetricsText(
  descriptors: readonly MetricDescriptorOut[],
  pods: readonly PodSandboxMetricsOut[],
): Generator<string> {
  const all = pods.flatMap((pod) => [...pod.metrics, ...pod.containerMetrics.flatMap((c) => c.metrics)]);
  const byName = Map.groupBy(all, (metric) => metric.name);
  for (const { name, help, labelKeys } of descriptors) {
    // A metric whose values do not fit its labels would make the whole answer unreadable.
    const usable = (byName.get(name) ?? []).filter((m) => m.value && m.labelValues.length === labelKeys.length);
    const samples = usable.map(({ labelValues, value, timestamp }) => ({
      labels: Object.fromEntries(labelKeys.map((key, i) => [key, labelValues[i] ?? ''])),
      value: Number(value?.value),
      // 0: read for this question.
      ...(timestamp === '0' || timestamp === '' ? {} : { atMs: Number(BigInt(timestamp) / 1_000_000n) }),
    }));
    const type = usable[0]?.metricType === 'COUNTER' ? 'counter' : 'gauge';
    yield prometheusText({ name, help, type }, samples);
  }
}
