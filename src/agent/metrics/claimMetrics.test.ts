import { Metrics } from '../../k8s/metrics/metrics.ts';
import { claimGauges, claimMetrics } from './claimMetrics.ts';

test('names, labels and buckets are kubelet’s', async () => {
  const metrics = new Metrics();
  const { onCall, onOperation } = claimMetrics(metrics);
  claimGauges(metrics, { inUse: () => ({ all: 2, byDriver: new Map([['gpu', 1]]) }) });
  onOperation('PrepareResources', true, 0.2);
  const method = '/k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin/NodePrepareResources';
  onCall('gpu', method, { method: 'NodePrepareResources', startMono: 0, endMono: 200, error: undefined });
  const text = await metrics.text();
  expect(text).toContain('dra_operations_duration_seconds_count{operation_name="PrepareResources",is_error="true"} 1');
  expect(text).toContain(
    `dra_grpc_operations_duration_seconds_count{driver_name="gpu",method_name="${method}",grpc_status_code="OK"} 1`,
  );
  expect(text).toMatch(/dra_operations_duration_seconds_bucket\{le="0\.1",/);
  expect(text).toMatch(/dra_operations_duration_seconds_bucket\{le="0\.15341/);
  expect(text).toContain('dra_resource_claims_in_use{driver_name="<any>"} 2');
  expect(text).toContain('dra_resource_claims_in_use{driver_name="gpu"} 1');
});
