import type { Clock } from '../../lib/clock.ts';
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

/** The clock, and who hears of it. */
interface StepTimesPorts {
  readonly clock: Clock;
  readonly onOperation?: OnStorageOperation | undefined;
}

/**
 * Tells how long a volume's steps took, as kubelet counts them: its mount is staging and publishing together; it knows no operation for an
 * expansion of a mounted volume alone.
 */
export class StepTimes {
  readonly #mode: () => VolumeIdentity['mode'];
  readonly #metricName: () => string;
  readonly #ports: StepTimesPorts;
  /** What the last staging took, until it is told with the first publishing after it. */
  #stagingMs = 0;

  constructor(ports: StepTimesPorts, mode: () => VolumeIdentity['mode'], metricName: () => string) {
    this.#ports = ports;
    this.#mode = mode;
    this.#metricName = metricName;
  }

  /** Does the step, and tells how long it took. */
  async measured<T>(action: Pick<VolumeAction, 'kind'>, step: () => Promise<T>): Promise<T> {
    const { clock } = this.#ports;
    const begun = clock.now().mono;
    let failed = true;
    try {
      const outcome = await step();
      failed = false;
      return outcome;
    } finally {
      this.#took(action, clock.now().mono - begun, failed);
    }
  }

  #took({ kind }: Pick<VolumeAction, 'kind'>, ms: number, failed: boolean): void {
    if (kind === 'stage' && !failed) {
      this.#stagingMs = ms;
      return;
    }
    const operation = OPERATIONS[this.#mode()][kind];
    if (!operation) return;
    const both = kind === 'publish' ? ms + this.#stagingMs : ms;
    if (kind === 'publish') this.#stagingMs = 0;
    this.#ports.onOperation?.(this.#metricName(), operation, both / 1000, failed);
  }
}
