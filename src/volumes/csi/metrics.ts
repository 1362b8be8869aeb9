import { atMost, type Metrics } from '../../k8s/metrics/metrics.ts';
import type { CallRecord } from '../../rpc/connectionOptions.ts';

/** Drivers whose calls are told. */
const MAX_DRIVERS = 256;

/** kubelet_volume_metric_collection_duration_seconds of drivers: gives what is to be told of each look. */
export function volumeLooks(metrics: Metrics): (driver: string, seconds: number) => void {
  const looks = metrics.histogram('kubelet_volume_metric_collection_duration_seconds');
  const isTold = atMost(MAX_DRIVERS);
  return (driver, seconds) => {
    if (isTold(driver)) looks.observe(seconds, { metric_source: driver });
  };
}

/** csi_operations_seconds: gives what is to be told of each call to a driver. */
export function csiOperations(metrics: Metrics): (driver: string, call: CallRecord) => void {
  const seconds = metrics.histogram('csi_operations_seconds');
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
