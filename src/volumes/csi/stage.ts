// A CSI file system for the node as a whole: mounted once, below the plug-in's directory.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIPersistentVolumeSource } from '../../types/k8s.ts';
import { CsiError, csiSays, unsure } from './csiError.ts';
import type { CsiDrivers } from './drivers.ts';
import { stagingPath, volumeOf } from './names.ts';
import { credentials } from './publish.ts';
import { volumeCapability } from './rules/accessMode.ts';
import type { CsiServices } from './services.ts';
import { removeTarget } from './target.ts';
import { loadVolumeData, saveVolumeData } from './volData.ts';

/** A volume that a driver is to stage. */
export interface StageTask {
  readonly services: CsiServices;
  readonly source: CSIPersistentVolumeSource;
  readonly target: string;
  readonly publishContext: Readonly<Record<string, string>>;
  readonly accessModes: readonly string[] | undefined;
  readonly mountOptions: readonly string[];
  readonly fsGroup: number | undefined;
  /** In `mountOptions`, and noted as by kubelet; '': none. */
  readonly seLinuxLabel: string;
  /** The Pod has had the volume before: a driver that is not there yet is waited for. */
  readonly again: boolean;
  readonly signal: AbortSignal;
}

/**
 * Has the driver stage the volume, if it does such things. May run again at any time. After a refusal nothing is left on disk; after
 * anything else the note stays, so that the volume is unstaged before it is forgotten.
 */
export async function stage(task: StageTask): Promise<void> {
  const { services, source, target } = task;
  const directory = dirname(target);
  const known = await loadVolumeData(directory).catch(() => undefined);
  if (known || task.again) await services.drivers.appears(source.driver, services.clock, task.signal);
  const missing = csiSays('attacher.MountDevice failed to create newCsiDriverClient');
  const driver = services.drivers.require(source.driver, missing);
  const can = await driver.capabilities();
  if (!can.has('STAGE_UNSTAGE_VOLUME')) return;
  const secrets = await credentials(services, source.nodeStageSecretRef, 'fetching NodeStageSecretRef', 'failed');
  await mkdir(target, { recursive: true, mode: 0o750 });
  await saveVolumeData(directory, {
    driverName: source.driver,
    volumeHandle: source.volumeHandle,
    ...(task.seLinuxLabel === '' ? {} : { seLinuxMountContext: task.seLinuxLabel }),
  });
  try {
    await driver.stage({
      volumeId: source.volumeHandle,
      stagingTargetPath: target,
      publishContext: { ...task.publishContext },
      volumeContext: { ...source.volumeAttributes },
      secrets,
      volumeCapability: volumeCapability({
        accessMode: task.accessModes?.[0] ?? 'ReadWriteOnce',
        singleNodeMultiWriter: can.has('SINGLE_NODE_MULTI_WRITER'),
        block: false,
        fsType: source.fsType ?? '',
        mountOptions: task.mountOptions,
        group: can.has('VOLUME_MOUNT_GROUP') ? task.fsGroup : undefined,
      }),
    });
  } catch (error) {
    // Of an earlier attempt something may be there: then the note stays.
    if (error instanceof CsiError && error.outcome === 'refused' && !known) await removeTarget(target).catch(() => {});
    throw error;
  }
}

/** Undoes it, from the note alone. Without one nothing was staged. */
export async function unstage(drivers: CsiDrivers, root: string, name: string): Promise<void> {
  const { driver: driverName, handle } = volumeOf(name);
  const target = stagingPath(root, driverName, handle);
  const data = await loadVolumeData(dirname(target));
  if (!data) return;
  const driver = drivers.require(
    data.driverName,
    csiSays('attacher.UnmountDevice failed to create newCsiDriverClient'),
  );
  if (await driver.can('STAGE_UNSTAGE_VOLUME')) {
    try {
      await driver.unstage(data.volumeHandle, target);
    } catch (error) {
      throw unsure(csiSays(`attacher.UnmountDevice failed: ${errorMessage(error)}`), error);
    }
  }
  try {
    await removeTarget(target);
  } catch (error) {
    throw unsure(`failed to clean up global mount ${dirname(target)}: ${errorMessage(error)}`, error);
  }
}
