import { formatDuration } from '../../k8s/duration.ts';

/**
 * A duration cut to milliseconds, as Go prints it in kubelet's events: `0s`, `850ms`, `1.5s`, `2m3.004s`, `1h0m0s`.
 */
export function goDuration(ms: number): string {
  return formatDuration(Math.max(0, Math.trunc(ms)));
}
