import { atMost, DEFAULT_BUCKETS, type Metrics } from '../../lib/metrics.ts';
import type { CallRecord } from '../../rpc/connection.ts';
import { STORAGE_BUCKETS } from '../metrics.ts';

/** Drivers whose calls are told. */
const MAX_DRIVERS = 256;

/** kubelet_volume_metric_collection_duration_seconds of drivers: gives what is to be told of each look. */
export function volumeLooks(metrics: Metrics): (driver: string, seconds: number) => void {
  const name = 'kubelet_volume_metric_collection_duration_seconds';
  const looks = metrics.histogram(name, 'Duration in seconds to calculate volume stats', DEFAULT_BUCKETS, [
    'metric_source',
  ]);
  const isTold = atMost(MAX_DRIVERS);
  return (driver, seconds) => {
    if (isTold(driver)) looks.observe(seconds, { metric_source: driver });
  };
}

/** csi_operations_seconds: gives what is to be told of each call to a driver. */
export function csiOperations(metrics: Metrics): (driver: string, call: CallRecord) => void {
  const seconds = metrics.histogram(
    'csi_operations_seconds',
    'Container Storage Interface operation duration with gRPC error code status total',
    STORAGE_BUCKETS,
    ['driver_name', 'method_name', 'grpc_status_code', 'migrated'],
  );
  const isTold = atMost(MAX_DRIVERS);
  return (driver, { method, startMono, endMono, error }) => {
    if (!isTold(driver)) return;
    seconds.observe((endMono - startMono) / 1000, {
      driver_name: driver,
      method_name: `/csi.v1.Node/${method}`,
      grpc_status_code: error?.grpcCodeName ?? 'OK',
      migrated: 'false',
    });
  };
}
