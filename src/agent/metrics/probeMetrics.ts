import { Metrics } from '../../k8s/metrics/metrics.ts';
import type { ProbeMetric } from '../../probes/rules/report.ts';
import { startTimeText } from './processMetrics.ts';

/** The answer of /metrics/probes. */
export class ProbeMetrics {
  readonly #metrics = new Metrics();
  readonly #total;
  readonly #seconds;
  /** The labels of each Pod's series, by UID. */
  readonly #series = new Map<string, Map<string, ProbeMetric['labels']>>();

  constructor() {
    this.#total = this.#metrics.counter('prober_probe_total');
    this.#seconds = this.#metrics.histogram('prober_probe_duration_seconds');
  }

  /** One attempt ended. */
  attempt({ labels, seconds }: ProbeMetric): void {
    this.#total.inc(labels);
    const { probe_type, container, pod, namespace, pod_uid } = labels;
    const series = this.#series.get(pod_uid) ?? new Map();
    this.#series.set(pod_uid, series);
    series.set(`${probe_type}/${container}/${labels.result}`, labels);
    if (seconds !== undefined) this.#seconds.observe(seconds, { probe_type, container, pod, namespace });
  }

  /** The Pod is gone, and its series with it. */
  forget(uid: string): void {
    for (const labels of this.#series.get(uid)?.values() ?? []) {
      this.#total.remove(labels);
      const { probe_type, container, pod, namespace } = labels;
      this.#seconds.remove({ probe_type, container, pod, namespace });
    }
    this.#series.delete(uid);
  }

  async text(): Promise<string> {
    return `${await this.#metrics.text()}\n${startTimeText('[ALPHA] ')}`;
  }
}
