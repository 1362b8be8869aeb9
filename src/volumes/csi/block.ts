// Raw devices of CSI drivers: staged for the node, published for each Pod as a device file below the plug-in's directory.
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import { removeTree } from '../../lib/linux/removeTree.ts';
import type { CSIPersistentVolumeSource, StoredPod } from '../../types/k8s.ts';
import type { VolumeContext } from '../contract.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import { CsiError, csiSays, unsure } from './csiError.ts';
import type { CsiDrivers } from './drivers.ts';
import { attachmentName, type blockPlaces } from './names.ts';
import { credentials } from './publish.ts';
import { volumeCapability } from './rules/accessMode.ts';
import { podInfo } from './rules/podInfo.ts';
import { type CsiServices, csiDriverObject } from './services.ts';
import { loadVolumeData, saveVolumeData } from './volData.ts';

type Places = ReturnType<typeof blockPlaces>;

interface BlockTask {
  readonly services: CsiServices;
  readonly source: CSIPersistentVolumeSource;
  readonly publishContext: Readonly<Record<string, string>>;
  readonly places: Places;
  /** The Pod has had it before: a driver that is not there yet is waited for. */
  readonly again: boolean;
  readonly signal: AbortSignal;
}

/** Has the driver stage the device, if it does such things. The note is there before it, and is what everything is undone by. */
export async function stageBlock(
  task: BlockTask & { readonly name: string; readonly accessModes: readonly string[] | undefined },
): Promise<void> {
  const { services, source, places } = task;
  const { driver: driverName, volumeHandle } = source;
  const known = await loadVolumeData(places.data).catch(() => undefined);
  if (known || task.again) await services.drivers.appears(driverName, services.clock, task.signal);
  const driver = services.drivers.require(driverName, csiSays('blockMapper.SetUpDevice failed to get CSI client'));
  await mkdir(places.data, { recursive: true, mode: 0o750 });
  await saveVolumeData(places.data, {
    specVolID: task.name,
    volumeHandle,
    driverName,
    nodeName: services.nodeName,
    attachmentID: attachmentName(volumeHandle, driverName, services.nodeName),
  });
  const can = await driver.capabilities();
  if (!can.has('STAGE_UNSTAGE_VOLUME')) return;
  const what = csiSays('failed to get NodeStageSecretRef');
  const secrets = await credentials(services, source.nodeStageSecretRef, what);
  await mkdir(places.staging, { recursive: true, mode: 0o750 });
  try {
    await driver.stage({
      volumeId: volumeHandle,
      stagingTargetPath: places.staging,
      publishContext: { ...task.publishContext },
      volumeContext: { ...source.volumeAttributes },
      secrets,
      volumeCapability: blockCapability(task.accessModes, can.has('SINGLE_NODE_MULTI_WRITER')),
    });
  } catch (error) {
    if (error instanceof CsiError && error.outcome === 'refused' && !known) await forget(places).catch(() => {});
    throw error;
  }
}

/** Has the driver put the device's file at `places.publish`. */
export async function publishBlock(
  task: BlockTask & {
    readonly pod: StoredPod;
    readonly spec: VolumeSpec;
    readonly context: VolumeContext;
  },
): Promise<void> {
  const { services, source, places, pod, spec } = task;
  if (task.again) await services.drivers.appears(source.driver, services.clock, task.signal);
  const driver = services.drivers.require(source.driver, csiSays('blockMapper.MapPodDevice failed to get CSI client'));
  const object = csiDriverObject(task.context, source.driver);
  const what = csiSays('blockMapper.publishVolumeForBlock failed to get NodePublishSecretRef');
  const secrets = await credentials(services, source.nodePublishSecretRef, what);
  const can = await driver.capabilities();
  task.signal.throwIfAborted();
  await mkdir(dirname(places.publish), { recursive: true, mode: 0o750 });
  await driver.publish({
    volumeId: source.volumeHandle,
    targetPath: places.publish,
    // Named also to a driver that does not stage: kubelet does.
    stagingTargetPath: places.staging,
    readonly: spec.readOnly,
    publishContext: { ...task.publishContext },
    volumeContext: {
      ...source.volumeAttributes,
      ...(object?.spec.podInfoOnMount ? podInfo(pod, 'Persistent') : {}),
    },
    secrets,
    volumeCapability: blockCapability(spec.pv?.spec?.accessModes, can.has('SINGLE_NODE_MULTI_WRITER')),
  });
}

/** Has the driver take the device's file away, also when it is not there: an earlier attempt may have timed out. */
export async function unpublishBlock(drivers: CsiDrivers, places: Places): Promise<void> {
  const data = await loadVolumeData(places.data);
  if (!data) return;
  const driver = drivers.require(data.driverName, csiSays('blockMapper.UnmapPodDevice failed to get CSI client'));
  try {
    await driver.unpublish(data.volumeHandle, places.publish);
  } catch (error) {
    throw unsure(csiSays(`blockMapper.unpublishVolumeForBlock failed: ${errorMessage(error)}`), error);
  }
}

/** Has the driver unstage it, and forgets the volume. */
export async function unstageBlock(drivers: CsiDrivers, places: Places): Promise<void> {
  const data = await loadVolumeData(places.data);
  if (!data) return;
  const driver = drivers.require(data.driverName, csiSays('blockMapper.TearDownDevice failed to get CSI client'));
  if (await driver.can('STAGE_UNSTAGE_VOLUME')) {
    try {
      await driver.unstage(data.volumeHandle, places.staging);
    } catch (error) {
      throw unsure(csiSays(`blockMapper.unstageVolumeForBlock failed: ${errorMessage(error)}`), error);
    }
  }
  await forget(places);
}

/** What is still mounted is never entered: it stays, and so does the note. */
async function forget(places: Places): Promise<void> {
  await ignoring(['ENOENT'], () => rmdir(places.publishDirectory));
  const never = new AbortController().signal;
  await removeTree(places.staging, never);
  await removeTree(places.globalMap, never);
  await removeTree(places.own, never);
}

function blockCapability(accessModes: readonly string[] | undefined, singleNodeMultiWriter: boolean) {
  const accessMode = accessModes?.[0] ?? 'ReadWriteOnce';
  return volumeCapability({ accessMode, singleNodeMultiWriter, block: true, fsType: '', mountOptions: [] });
}
