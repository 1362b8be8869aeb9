import type { Clock } from '../../lib/clock.ts';
import type { OnStorageOperation } from '../metrics.ts';
import type { SeLinuxCounts } from '../seLinuxMetrics.ts';
import type { StepPorts } from './steps.ts';
import type { VolumeWorker } from './volumeWorker.ts';

/** What the worker is told by the node. */
export interface NodeSide {
  readonly reportedInUse: boolean;
  /** Undefined while it is not attached; empty when attached without a path. */
  readonly devicePath: string | undefined;
  readonly settled: boolean;
}

/** What the worker needs of the node. */
export interface VolumeWorkerPorts extends StepPorts {
  readonly clock: Clock;
  /** By the volume's name in the Node's lists. */
  node(name: string): NodeSide;
  readonly onOperation?: OnStorageOperation | undefined;
  readonly seLinuxCounts?: SeLinuxCounts | undefined;
  /** Nothing is left of the volume. */
  done(worker: VolumeWorker): void;
  /** A defect of ours met this volume: it is left as it is and looked at again later. */
  defect(error: unknown): void;
}
