import type { OnStorageOperation, StorageOperation } from '../metrics.ts';
import type { VolumeIdentity } from './contract.ts';
import type { VolumeAction } from './rules/volumeFacts.ts';

const OPERATIONS: Readonly<
  Record<VolumeIdentity['mode'], Readonly<Partial<Record<VolumeAction['kind'], StorageOperation>>>>
> = {
  Filesystem: {
    stage: 'volume_mount',
    publish: 'volume_mount',
    unpublish: 'volume_unmount',
    unstage: 'unmount_device',
  },
  Block: { stage: 'map_volume', publish: 'map_volume', unpublish: 'unmap_volume', unstage: 'unmap_device' },
};

/**
 * Tells how long a volume's steps took, as kubelet counts them: its mount is staging and publishing together; it knows no operation for an
 * expansion of a mounted volume alone.
 */
export class StepTimes {
  readonly #mode: () => VolumeIdentity['mode'];
  readonly #metricName: () => string;
  readonly #onOperation: OnStorageOperation | undefined;
  /** What the last staging took, until it is told with the first publishing after it. */
  #stagingMs = 0;

  constructor(
    mode: () => VolumeIdentity['mode'],
    metricName: () => string,
    onOperation: OnStorageOperation | undefined,
  ) {
    this.#mode = mode;
    this.#metricName = metricName;
    this.#onOperation = onOperation;
  }

  /** A step is over; `ms`: how long it took. */
  took({ kind }: Pick<VolumeAction, 'kind'>, ms: number, failed: boolean): void {
    if (kind === 'stage' && !failed) {
      this.#stagingMs = ms;
      return;
    }
    const operation = OPERATIONS[this.#mode()][kind];
    if (!operation) return;
    const both = kind === 'publish' ? ms + this.#stagingMs : ms;
    if (kind === 'publish') this.#stagingMs = 0;
    this.#onOperation?.(this.#metricName(), operation, both / 1000, failed);
  }
}
