// What the calls of FlexVolume drivers come to, step by step.
import { lstat, rmdir } from 'node:fs/promises';
import { errorMessage } from '../../lib/errors.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import { MountFlag } from '../../lib/linux/mounter.ts';
import { volumePath } from '../paths.ts';
import type { KindHost, Published, WantedStep } from '../persistent/contract.ts';
import { ownByGroup } from '../persistent/fsGroup.ts';
import { answers, formatAndMount, isInTable, mountPointDirectory } from '../persistent/mountPrograms.ts';
import { unmountAndRemove } from '../persistent/unmount.ts';
import { FinalError, stepFailed } from '../persistent/volumeStepError.ts';
import type { FlexDrivers } from './drivers.ts';
import { deviceMountPath, driverOf } from './rules/names.ts';
import { callOptions, flexSource, podOptions } from './rules/options.ts';
import { flexSecret } from './secret.ts';

/** The device of a volume that the controller has attached, as the driver sees it; '' where it names none. */
export async function attached(
  drivers: FlexDrivers,
  { spec, volume, devicePath, signal, progress }: WantedStep,
): Promise<string> {
  try {
    const driver = await drivers.require(flexSource(spec).driver);
    const call = { args: [devicePath, callOptions(spec)], command: 'waitforattach', signal, progress };
    return (await driver.call(call)) ?? devicePath;
  } catch (error) {
    signal.throwIfAborted();
    const why = new FinalError(errorMessage(error), error);
    throw stepFailed('MountVolume.WaitForAttach failed', volume.name, why);
  }
}

/** Mounts the device for the node; again where it was mounted changes nothing. */
export async function mountDevice(drivers: FlexDrivers, step: WantedStep, device: string): Promise<void> {
  const { host, spec, volume, signal, progress } = step;
  const driver = await drivers.require(flexSource(spec).driver);
  const options = callOptions(spec);
  try {
    await driver.call({ command: 'getvolumename', args: [options], signal, progress });
  } catch (error) {
    signal.throwIfAborted();
    const message = `GetVolumeName failed from getDeviceMountPath: ${errorMessage(error)}`;
    throw stepFailed('MountVolume.GetDeviceMountPath failed', volume.name, new FinalError(message, error));
  }
  const target = deviceMountPath(host.root, driver.name, volume.name);
  if (await isInTable(host, target)) return;
  await mountPointDirectory(target);
  // Not cut off with the Pod: a driver that is killed in the middle leaves what nobody knows of.
  const known = await driver.call({ command: 'mountdevice', args: [target, device, options], progress });
  if (known !== undefined || device === '') return;
  const { fsType = '' } = flexSource(spec);
  const how = { source: device, target, fsType, options: [spec.readOnly ? 'ro' : 'rw'], signal, progress };
  await formatAndMount(host, how);
}

/** Mounts the volume for a Pod, and gives its files to the Pod's group where the driver wants that of kubelet. */
export async function mount(drivers: FlexDrivers, step: WantedStep): Promise<Published> {
  const { host, spec, volume, pod, context, progress } = step;
  const driver = await drivers.require(flexSource(spec).driver);
  const path = volumePath(host.root, pod.metadata.uid, driver.name, volume.name);
  if (!(await isInTable(host, path))) {
    await mountPointDirectory(path);
    try {
      const options = callOptions(spec, podOptions(pod, flexSecret(spec, pod, context.objects)));
      const known = await driver.call({ command: 'mount', args: [path, options], progress });
      if (known === undefined) {
        const source = deviceMountPath(host.root, driver.name, volume.name);
        await host.mounter.mount({ source, target: path, fsType: null, flags: MountFlag.bind });
      }
    } catch (error) {
      await rmdir(path).catch(() => {}); // what is mounted or has files stays, and is taken down with the Pod
      throw error;
    }
  }
  if (!spec.readOnly && driver.capabilities.fsGroup && pod.spec.securityContext?.fsGroup !== undefined) {
    await answers(host, path); // a walk over a dead server would hold threads of this process
    await ownByGroup(step, path).catch((error) => {
      step.signal.throwIfAborted();
      host.log.warn('The files of a FlexVolume could not be given to the group', {
        ...{ volume: volume.name, podUID: pod.metadata.uid, error: errorMessage(error) },
      });
    });
  }
  return { path, seLinuxRelabel: !spec.readOnly && driver.capabilities.seLinuxRelabel };
}

/** By the driver if anything is there; nothing is removed but the empty directory. */
export async function takeDown(
  drivers: FlexDrivers,
  host: KindHost,
  uniqueName: string,
  path: string,
  command: 'unmount' | 'unmountdevice',
): Promise<void> {
  const isMounted = await isInTable(host, path);
  // A directory that is no mount is asked of the local disk alone.
  if (!isMounted && !(await ignoring(['ENOENT', 'ENOTDIR'], () => lstat(path)))) return;
  // Kubelet asks the driver about a Pod's directory in any case, and about a device only when it is mounted.
  if (isMounted || command === 'unmount') {
    const driver = await drivers.require(driverOf(uniqueName));
    const progress = (message: string | undefined) => {
      if (message) host.log.warn('A FlexVolume driver does not answer', { volume: uniqueName, message });
    };
    if ((await driver.call({ command, args: [path], progress })) === undefined) return unmountAndRemove(host, path);
  }
  await ignoring(['ENOENT'], () => rmdir(path));
}
