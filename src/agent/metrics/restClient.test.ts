import { Metrics } from '../../k8s/metrics/metrics.ts';
import { restClientMetrics } from './restClient.ts';

test('requests to the API server by code, verb and the host that is asked now', async () => {
  const metrics = new Metrics();
  let host = '10.0.0.1:6443';
  const observe = restClientMetrics(metrics, () => host);
  const call = { method: 'GET', path: '/api/v1/nodes/n', ms: 100, bytes: 0, waitedMs: 0, retry: false };
  observe({ ...call, code: '200' });
  observe({ ...call, code: '429' });
  observe({ ...call, code: '200', retry: true });
  host = '10.0.0.2:6443';
  observe({ ...call, method: 'PATCH', code: '<error>', bytes: 2000, waitedMs: 3000 });
  const text = await metrics.text();
  expect(text).toContain('rest_client_requests_total{code="200",method="GET",host="10.0.0.1:6443"} 2\n');
  expect(text).toContain('rest_client_requests_total{code="<error>",method="PATCH",host="10.0.0.2:6443"} 1\n');
  expect(text).toContain('rest_client_request_retries_total{verb="GET",host="10.0.0.1:6443",code="200"} 1\n');
  expect(text).toMatch(/rest_client_request_size_bytes_bucket\{le="4096",verb="PATCH",host="10.0.0.2:6443"\} 1\n/);
  expect(text).toMatch(/rest_client_rate_limiter_duration_seconds_sum\{verb="PATCH",host="10.0.0.2:6443"\} 3\n/);
});
