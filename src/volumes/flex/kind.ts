// Volumes of FlexVolume drivers: attached and mounted once for the node where the driver does that, mounted for each Pod, and back.
import { lstat, rmdir } from 'node:fs/promises';
import { errorMessage } from '../../lib/errors.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import { MountFlag } from '../../lib/linux/mounter.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { Reference } from '../contract.ts';
import { volumePath } from '../paths.ts';
import type {
  FoundVolume,
  KindHost,
  PersistentKind,
  Published,
  VolumeIdentity,
  VolumeSpec,
  VolumeStep,
  WantedStep,
} from '../persistent/contract.ts';
import { growVolume } from '../persistent/expansion.ts';
import { growFileSystem } from '../persistent/fileSystem.ts';
import { ownByGroup } from '../persistent/fsGroup.ts';
import { answers, formatAndMount, isInTable, mountPointDirectory } from '../persistent/mountPrograms.ts';
import { bytesOf } from '../persistent/rules/expansion.ts';
import { unmountAndRemove } from '../persistent/unmount.ts';
import { FinalError, stepFailed } from '../persistent/volumeStepError.ts';
import { PayloadError } from '../rules/payload.ts';
import type { FlexDrivers } from './drivers.ts';
import { reconstruct } from './reconstruct.ts';
import { deviceMountPath, driverOf, FLEX_PLUGIN, uniqueNameOf } from './rules/names.ts';
import { callOptions, flexSource, podOptions } from './rules/options.ts';
import { flexSecret, flexSecretReference } from './secret.ts';

/** Volumes of the drivers below --volume-plugin-dir. `isAttached`: there is a cluster that attaches them. */
export class FlexKind implements PersistentKind {
  readonly plugin = FLEX_PLUGIN;
  readonly supportsMountOptions = false;
  readonly supportsBlock = false;
  /** Perhaps: only the driver knows what is behind it. */
  readonly isNetwork = true;
  readonly #drivers: FlexDrivers;
  readonly #pluginDir: string;
  readonly #isAttached: boolean;
  /** Drivers that volumes of this node have, or had. */
  readonly #used = new Set<string>();
  /** By unique name: the device that a driver named when it was attached, for its expansion. */
  readonly #devices = new Map<string, string>();

  constructor(drivers: FlexDrivers, pluginDir: string, isAttached: boolean) {
    this.#drivers = drivers;
    this.#pluginDir = pluginDir;
    this.#isAttached = isAttached;
  }

  plugins(): ReadonlySet<string> {
    return this.#used;
  }

  metricName({ uniqueName }: VolumeIdentity): string {
    return driverOf(uniqueName);
  }

  async prepare(spec: VolumeSpec): Promise<void> {
    await this.#drivers.require(flexSource(spec).driver);
  }

  identify(spec: VolumeSpec, pod: StoredPod) {
    const name = flexSource(spec).driver;
    const driver = this.#drivers.get(name);
    if (!driver) throw new PayloadError(`no volume plugin matched: there is no FlexVolume driver ${name}`);
    this.#used.add(name);
    const { attach } = driver.capabilities;
    if (attach && !this.#isAttached)
      throw new PayloadError(
        `FlexVolume driver ${name} attaches its volumes, which needs an API server; this node runs without one (no --kubeconfig)`,
      );
    return { uniqueName: uniqueNameOf(name, spec.name, attach ? undefined : pod.metadata.uid), attachable: attach };
  }

  references(spec: VolumeSpec, pod: StoredPod): Omit<Reference, 'volume'>[] {
    const secret = flexSecretReference(spec, pod);
    const { driver: name } = flexSource(spec);
    const driver = { kind: 'FlexVolumeDriver', namespace: '', name, optional: true } as const;
    return [driver, ...(secret ? [secret] : [])];
  }

  async stage(step: WantedStep): Promise<void> {
    if (!step.volume.attachable) return;
    const device = await attached(this.#drivers, step);
    this.#devices.set(step.volume.uniqueName, device);
    await mountDevice(this.#drivers, step, device);
  }

  async unstage({ host, volume }: VolumeStep): Promise<void> {
    if (!volume.attachable) return;
    const path = deviceMountPath(host.root, driverOf(volume.uniqueName), volume.name);
    await takeDown(this.#drivers, host, volume.uniqueName, path, 'unmountdevice');
    this.#devices.delete(volume.uniqueName);
  }

  publish(step: WantedStep): Promise<Published> {
    return mount(this.#drivers, step);
  }

  unpublish({ host, volume, podUid }: VolumeStep & { readonly podUid: string }): Promise<void> {
    const path = volumePath(host.root, podUid, driverOf(volume.uniqueName), volume.name);
    return takeDown(this.#drivers, host, volume.uniqueName, path, 'unmount');
  }

  async expand(step: WantedStep): Promise<void> {
    const driver = await this.#drivers.require(flexSource(step.spec).driver);
    const { host, spec, volume, pod, progress } = step;
    if (!host.expansion || !driver.capabilities.requiresFSResize) return;
    const device = this.#devices.get(volume.uniqueName) ?? step.devicePath;
    const path = volumePath(host.root, pod.metadata.uid, driver.name, volume.name);
    await growVolume(step, host.expansion, {
      grow: async (size, oldSize) => {
        const args = [callOptions(spec), device, path, bytesOf(size), bytesOf(oldSize)];
        const known = await driver.call({ command: 'expandfs', args, progress });
        if (known === undefined) await growFileSystem(host, device, path);
      },
    });
  }

  async reconstruct(host: KindHost): Promise<FoundVolume[]> {
    const found = await reconstruct(host.root, this.#pluginDir);
    for (const { uniqueName } of found) this.#used.add(driverOf(uniqueName));
    return found;
  }
}

/** The device of a volume that the controller has attached, as the driver sees it; '' where it names none. */
async function attached(
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

async function mountDevice(drivers: FlexDrivers, step: WantedStep, device: string): Promise<void> {
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

async function mount(drivers: FlexDrivers, step: WantedStep): Promise<Published> {
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
async function takeDown(
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
