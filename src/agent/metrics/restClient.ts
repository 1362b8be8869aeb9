import type { ClientOptions } from '../../api/callOptions.ts';
import type { Metrics } from '../../k8s/metrics/metrics.ts';

/** rest_client_*: what the requests to the API server came to. `host`: the server's, with its port. */
export function restClientMetrics(metrics: Metrics, host: () => string): NonNullable<ClientOptions['observe']> {
  const seconds = metrics.histogram('rest_client_request_duration_seconds');
  const sent = metrics.histogram('rest_client_request_size_bytes');
  const waited = metrics.histogram('rest_client_rate_limiter_duration_seconds');
  const results = metrics.counter('rest_client_requests_total');
  const retries = metrics.counter('rest_client_request_retries_total');
  return ({ method, code, ms, bytes, waitedMs, retry }) => {
    const labels = { verb: method, host: host() };
    seconds.observe(ms / 1000, labels);
    sent.observe(bytes, labels);
    waited.observe(waitedMs / 1000, labels);
    results.inc({ code, method, host: labels.host });
    if (retry) retries.inc({ ...labels, code });
  };
}
