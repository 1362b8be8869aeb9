import type { Metrics } from '../lib/metrics.ts';

/** Bucket borders of Kubernetes' storage metrics (pkg/volume/util/metrics.go), in seconds. */
export const STORAGE_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

/** Kubelet's names of what is done with volumes. */
export type StorageOperation =
  | 'volume_mount'
  | 'volume_unmount'
  | 'unmount_device'
  | 'map_volume'
  | 'unmap_volume'
  | 'unmap_device';

/** Told of each operation that ended; `plugin` with the driver, as `kubernetes.io/csi:example.com`. */
export type OnStorageOperation = (
  plugin: string,
  operation: StorageOperation,
  seconds: number,
  failed: boolean,
) => void;

/** storage_operation_duration_seconds: gives what is to be told of each operation. */
export function storageOperations(metrics: Metrics): OnStorageOperation {
  const durations = metrics.histogram(
    'storage_operation_duration_seconds',
    'Storage operation duration',
    STORAGE_BUCKETS,
    ['volume_plugin', 'operation_name', 'status', 'migrated'],
  );
  return (plugin, operation, seconds, failed) =>
    durations.observe(seconds, {
      volume_plugin: plugin,
      operation_name: operation,
      status: failed ? 'fail-unknown' : 'success',
      migrated: 'false',
    });
}
