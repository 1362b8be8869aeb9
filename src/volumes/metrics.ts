import type { Metrics } from '../k8s/metrics/metrics.ts';

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
  const durations = metrics.histogram('storage_operation_duration_seconds');
  return (plugin, operation, seconds, failed) =>
    durations.observe(seconds, {
      volume_plugin: plugin,
      operation_name: operation,
      status: failed ? 'fail-unknown' : 'success',
      migrated: 'false',
    });
}
