import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { NodeStartup } from '../../node/types.ts';

/** Wall milliseconds. */
export interface StartupTimes {
  now(): number;
  /** When this process was started. */
  readonly startedMs: number;
  /** When the machine was. */
  readonly bootMs: number;
}

/** kubelet_node_startup_*: how long the first start of a Node took. They stay 0 when the Node was there already. */
export function nodeStartup(m: Metrics, { now, startedMs, bootMs }: StartupTimes): NodeStartup {
  const total = m.gauge('kubelet_node_startup_duration_seconds');
  const preKubelet = m.gauge('kubelet_node_startup_pre_kubelet_duration_seconds');
  const preRegistration = m.gauge('kubelet_node_startup_pre_registration_duration_seconds');
  const registration = m.gauge('kubelet_node_startup_registration_duration_seconds');
  const postRegistration = m.gauge('kubelet_node_startup_post_registration_duration_seconds');
  for (const gauge of [total, preKubelet, preRegistration, registration, postRegistration]) gauge.set(0);
  let [attempted, created, ready]: (number | undefined)[] = [];
  const seconds = (from: number, to: number): number => Math.max(0, to - from) / 1000;
  return {
    attempt() {
      attempted ??= now();
    },
    created() {
      if (attempted === undefined || created !== undefined) return;
      created = now();
      preKubelet.set(seconds(bootMs, startedMs));
      preRegistration.set(seconds(startedMs, attempted));
      registration.set(seconds(attempted, created));
    },
    ready() {
      if (created === undefined || ready !== undefined) return;
      ready = now();
      postRegistration.set(seconds(created, ready));
      total.set(seconds(bootMs, ready));
    },
  };
}
