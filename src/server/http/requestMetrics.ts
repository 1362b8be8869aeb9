import type { Metrics } from '../../k8s/metrics/metrics.ts';

const METHODS = new Set(['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT']);
const LONG_RUNNING = new Set(['exec', 'attach', 'portforward', 'debug']);

/** kubelet_http_*: labels as kubelet has them; what is no known endpoint counts as `other`. */
export class RequestMetrics {
  readonly #total;
  readonly #inflight;
  readonly #seconds;
  readonly #paths: ReadonlySet<string>;

  constructor(metrics: Metrics, patterns: readonly string[]) {
    this.#paths = new Set(patterns.map(rootOf));
    this.#total = metrics.counter('kubelet_http_requests_total');
    this.#inflight = metrics.gauge('kubelet_http_inflight_requests');
    this.#seconds = metrics.histogram('kubelet_http_requests_duration_seconds');
  }

  /** Counts a request; the result is called at its end. */
  begin(method: string, path: string, server: 'readonly' | 'readwrite'): () => void {
    const root = rootOf(path);
    const bucket = this.#paths.has(root) ? root : 'other';
    const labels = {
      method: METHODS.has(method) ? method : 'other',
      path: bucket,
      server_type: server,
      long_running: String(LONG_RUNNING.has(bucket)),
    };
    const started = performance.now();
    this.#total.inc(labels);
    this.#inflight.inc(labels);
    return () => {
      this.#inflight.inc(labels, -1);
      this.#seconds.observe((performance.now() - started) / 1000, labels);
    };
  }
}

/** The first segment of a path, the first two below /metrics. */
function rootOf(path: string): string {
  const [first = '', second] = path.replace(/^\//, '').split('/');
  return first === 'metrics' && second ? `${first}/${second}` : first;
}
