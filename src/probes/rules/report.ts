import type { Pod } from '../../types/k8s.ts';
import type { Attempt } from './attempt.ts';
import type { ProbeKind } from './spec.ts';
import { KIND_LABEL } from './spec.ts';

/** An event about a container. */
export interface ProbeEvent {
  readonly type: 'Warning';
  readonly reason: 'Unhealthy' | 'ProbeWarning';
  readonly message: string;
}

/** One increment of prober_probe_total; `seconds` is for prober_probe_duration_seconds and given for successes only. */
export interface ProbeMetric {
  readonly labels: {
    readonly probe_type: string;
    readonly result: 'successful' | 'failed';
    readonly container: string;
    readonly pod: string;
    readonly namespace: string;
    readonly pod_uid: string;
  };
  readonly seconds?: number;
}

/** The event that an attempt deserves. */
export function eventOf(kind: ProbeKind, attempt: Attempt): ProbeEvent | undefined {
  const label = KIND_LABEL[kind];
  if ('error' in attempt) {
    return unhealthy(`${label} probe errored and resulted in ${attempt.result} state: ${attempt.error}`);
  }
  if (attempt.result === 'failure') return unhealthy(`${label} probe failed: ${attempt.output}`);
  if (attempt.result !== 'warning') return undefined;
  return { type: 'Warning', reason: 'ProbeWarning', message: `${label} probe warning: ${attempt.output}` };
}

function unhealthy(message: string): ProbeEvent {
  return { type: 'Warning', reason: 'Unhealthy', message };
}

/** The metric of an attempt; one that could not be carried out has none. */
export function metricOf(
  pod: Pod,
  container: string,
  kind: ProbeKind,
  attempt: Attempt,
  seconds: number,
): ProbeMetric | undefined {
  if ('error' in attempt) return undefined;
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const failed = attempt.result === 'failure';
  const labels = {
    probe_type: KIND_LABEL[kind],
    result: failed ? 'failed' : 'successful',
    container,
    pod: name,
    namespace,
    pod_uid: uid,
  } as const;
  return failed ? { labels } : { labels, seconds };
}
