import type { NodeEvent } from '../../events/event.ts';
import type { Disk, Excess } from './collectImages.ts';

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes with one decimal, as kubelet writes them in the Event. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${Math.trunc(bytes)} B`;
  const at = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** at).toFixed(1)} ${UNITS[at - 1]}`;
}

/** Why freeing was not enough, in kubelet's words. */
export function notEnoughFreed({ usagePercent }: Excess, { capacityBytes }: Disk, freed: number): string {
  return (
    `Insufficient free disk space on the node's image filesystem (${usagePercent}% of ${formatSize(capacityBytes)} used). ` +
    `Failed to free sufficient space by deleting unused images (freed ${freed} bytes). ` +
    'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.'
  );
}

export const INVALID_CAPACITY = 'invalid capacity 0 on image filesystem';

/** The disk could not be measured. */
export function invalidCapacityEvent(): NodeEvent {
  return { type: 'Warning', reason: 'InvalidDiskCapacity', message: INVALID_CAPACITY };
}

/** The disk is full of something else than unused images. */
export function freeDiskSpaceFailedEvent(message: string): NodeEvent {
  return { type: 'Warning', reason: 'FreeDiskSpaceFailed', message };
}

/** Collection failed more than once in a row. */
export function imageGcFailedEvent(message: string): NodeEvent {
  return { type: 'Warning', reason: 'ImageGCFailed', message };
}

/** Several errors as Kubernetes prints an aggregate of them. */
export function aggregated(messages: readonly string[]): string {
  const distinct = [...new Set(messages)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`;
}
