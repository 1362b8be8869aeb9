import type { ClientOptions } from '../../api/client.ts';
import type { Metrics } from '../../lib/metrics.ts';

/** Bucket borders of client-go's metrics, in seconds and bytes. */
const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const BYTES = [64, 256, 512, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216];

/** rest_client_*: what the requests to the API server came to. `host`: the server's, with its port. */
export function restClientMetrics(metrics: Metrics, host: () => string): NonNullable<ClientOptions['observe']> {
  const verb = ['verb', 'host'];
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    metrics.histogram(`rest_client_${name}`, `[ALPHA] ${help}`, buckets, verb);
  const seconds = histogram('request_duration_seconds', 'How long the API server took to answer', SECONDS);
  const sent = histogram('request_size_bytes', 'Size of requests', BYTES);
  const waited = histogram(
    'rate_limiter_duration_seconds',
    "How long requests waited for the client's own limit",
    SECONDS,
  );
  const results = metrics.counter('rest_client_requests_total', '[ALPHA] Requests by what came of them', [
    'code',
    'method',
    'host',
  ]);
  const retries = metrics.counter('rest_client_request_retries_total', '[ALPHA] Requests that were sent again', [
    'code',
    'verb',
    'host',
  ]);
  return ({ method, code, ms, bytes, waitedMs, retry }) => {
    const labels = { verb: method, host: host() };
    seconds.observe(ms / 1000, labels);
    sent.observe(bytes, labels);
    waited.observe(waitedMs / 1000, labels);
    results.inc({ code, method, host: labels.host });
    if (retry) retries.inc({ ...labels, code });
  };
}
