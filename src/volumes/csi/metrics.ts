import type { Metrics } from '../../lib/metrics.ts';
import type { CallRecord } from '../../rpc/connection.ts';
import { STORAGE_BUCKETS } from '../metrics.ts';

/** Prometheus' default bucket borders. */
const DEFAULT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** kubelet_volume_metric_collection_duration_seconds of drivers: gives what is to be told of each look. */
export function volumeLooks(metrics: Metrics): (driver: string, seconds: number) => void {
  const name = 'kubelet_volume_metric_collection_duration_seconds';
  const looks = metrics.histogram(name, 'Duration in seconds to calculate volume stats', DEFAULT, ['metric_source']);
  return (driver, seconds) => looks.observe(seconds, { metric_source: driver });
}

/** csi_operations_seconds: gives what is to be told of each call to a driver. */
export function csiOperations(metrics: Metrics): (driver: string, call: CallRecord) => void {
  const seconds = metrics.histogram(
    'csi_operations_seconds',
    'Container Storage Interface operation duration with gRPC error code status total',
    STORAGE_BUCKETS,
    ['driver_name', 'method_name', 'grpc_status_code', 'migrated'],
  );
  return (driver, { method, startMono, endMono, error }) => {
    seconds.observe((endMono - startMono) / 1000, {
      driver_name: driver,
      method_name: `/csi.v1.Node/${method}`,
      grpc_status_code: error?.grpcCodeName ?? 'OK',
      migrated: 'false',
    });
  };
}
