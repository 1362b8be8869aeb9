import type { Clock } from '../../lib/clock.ts';
import type { Mounter } from '../../lib/linux/mounter.ts';
import { runProgram } from '../../lib/linux/runProgram.ts';
import type { Logger } from '../../lib/logger.ts';
import { createDigester } from '../digest.ts';
import type { OnStorageOperation } from '../metrics.ts';
import type { SeLinuxCounts } from '../seLinuxMetrics.ts';
import type { PersistentKind } from './contract.ts';
import type { ExpansionServices } from './expansion.ts';
import { persistentKinds } from './kinds.ts';
import { PersistentVolumes } from './persistentVolumes.ts';

export interface OpenOptions {
  readonly rootDir: string;
  readonly mounter: Mounter;
  readonly clock: Clock;
  readonly log: Logger;
  /** The kind that plug-ins serve; absent: such volumes are refused. */
  readonly csi?: PersistentKind;
  /** The kind of FlexVolume drivers. */
  readonly flexVolume?: PersistentKind;
  readonly expansion?: ExpansionServices | undefined;
  readonly onOperation?: OnStorageOperation;
  readonly seLinuxCounts?: SeLinuxCounts;
}

/** The owners of this node's volumes that may outlast a Pod, of every kind. Nothing is looked at before `rebuild`. */
export function openPersistentVolumes({
  rootDir,
  mounter,
  clock,
  log,
  csi,
  flexVolume,
  expansion,
  onOperation,
  seLinuxCounts,
}: OpenOptions): PersistentVolumes {
  const host = {
    ...{ root: rootDir, mounter, log, digest: createDigester(), run: runProgram },
    ...(expansion ? { expansion } : {}),
  };
  return new PersistentVolumes({
    clock,
    log,
    host,
    onOperation,
    seLinuxCounts,
    kinds: persistentKinds(csi, flexVolume, expansion !== undefined),
  });
}
