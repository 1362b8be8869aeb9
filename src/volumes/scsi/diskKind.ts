// Disks that the node itself connects with: mounted once below the plug-in's directory, bound into each Pod, or mapped as devices.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
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
import { ownByGroup } from '../persistent/fsGroup.ts';
import { bind } from '../persistent/kinds/local.ts';
import { formatAndMount, isInTable, mountPointDirectory } from '../persistent/mountPrograms.ts';
import { mountOptions } from '../persistent/rules/mountOptions.ts';
import { unmountAndRemove } from '../persistent/unmount.ts';
import { FinalError, stepFailed } from '../persistent/volumeStepError.ts';
import { contextOption } from '../rules/seLinuxLabel.ts';
import { reconstructDisks } from './reconstruct.ts';

/** What differs between the ways to a disk. */
export interface DiskAccess {
  readonly plugin: string;
  /** There is a cluster that marks them as attached, and wants to know that they are in use. */
  readonly isAttached: boolean;
  /** Go's directory of the volume below the plug-in's, one or two names; throws when the volume cannot be named. Pure. */
  directory(spec: VolumeSpec): string;
  /** Go's name of it in the Node's lists. Pure. */
  reportedAs(spec: VolumeSpec): string;
  fsType(spec: VolumeSpec): string | undefined;
  readonly references?: PersistentKind['references'];
  /** How many names deep the directories are. */
  readonly depth: 1 | 2;
  /** Connects with the disk and gives its device. Rejects when it does not come. `directory`: absolute; for notes that `detach` reads. */
  attach(step: WantedStep, directory: string): Promise<string>;
  /** Unmounts the directory if it is mounted, lets the disk go and removes the directory. Safe without `attach`, and twice. */
  detach(host: KindHost, directory: string, mode: VolumeIdentity['mode']): Promise<void>;
}

/** The kind of volumes of these disks. A controller marks them as attached, and does nothing else. */
export class DiskKind implements PersistentKind {
  readonly plugin: string;
  readonly supportsMountOptions = true;
  readonly supportsBlock = true;
  readonly references?: PersistentKind['references'];
  readonly #access: DiskAccess;
  /** By unique name: where the disk is. */
  readonly #devices = new Map<string, string>();
  /** By unique name and Pod: the Pod's name for it, as several names may mean one disk. */
  readonly #named = new Map<string, string>();

  constructor(access: DiskAccess) {
    this.#access = access;
    this.plugin = access.plugin;
    if (access.references) this.references = access.references;
  }

  seLinuxMount(): boolean {
    return true;
  }

  identify(spec: VolumeSpec) {
    return {
      uniqueName: `${this.plugin}/${this.#access.directory(spec)}`,
      reportedAs: `${this.plugin}/${this.#access.reportedAs(spec)}`,
      attachable: this.#access.isAttached,
    };
  }

  async stage(step: WantedStep): Promise<void> {
    const { host, spec, volume, signal, progress } = step;
    const directory = this.#directory(host, volume, volume.mode);
    const device = await attached(this.#access, step, directory);
    this.#devices.set(volume.uniqueName, device);
    if (volume.mode === 'Block' || (await isInTable(host, directory))) return;
    await mountPointDirectory(directory);
    const own = [...(spec.readOnly ? ['ro'] : []), ...contextOption(step.seLinuxLabel)];
    const options = mountOptions(spec, own);
    const fsType = this.#access.fsType(spec) || 'ext4';
    await formatAndMount(host, { source: device, target: directory, fsType, options, signal, progress });
  }

  async unstage({ host, volume }: VolumeStep): Promise<void> {
    await this.#access.detach(host, this.#directory(host, volume, volume.mode), volume.mode);
    this.#devices.delete(volume.uniqueName);
  }

  async publish(step: WantedStep): Promise<Published> {
    const { host, spec, pod, volume } = step;
    const { uid } = pod.metadata;
    this.#named.set(`${volume.uniqueName} ${uid}`, spec.name);
    if (volume.mode === 'Block') return { path: this.#devices.get(volume.uniqueName) ?? '' };
    const target = volumePath(host.root, uid, this.plugin, spec.name);
    await bind(step, this.#directory(host, volume, 'Filesystem'), target);
    if (!spec.readOnly) await ownByGroup(step, target);
    return { path: target, ...(spec.readOnly || step.seLinuxLabel !== '' ? {} : { seLinuxRelabel: true }) };
  }

  async unpublish({ host, volume, podUid }: VolumeStep & { readonly podUid: string }): Promise<void> {
    const named = `${volume.uniqueName} ${podUid}`;
    if (volume.mode === 'Filesystem')
      await unmountAndRemove(host, volumePath(host.root, podUid, this.plugin, this.#named.get(named) ?? volume.name));
    this.#named.delete(named);
  }

  deviceMapDirectory(host: KindHost, volume: Pick<VolumeIdentity, 'uniqueName'>): string {
    return this.#directory(host, volume, 'Block');
  }

  async reconstruct(host: KindHost): Promise<FoundVolume[]> {
    const { volumes, shares } = await reconstructDisks(host, this.plugin, this.#access);
    for (const { uniqueName, uid, name } of shares) this.#named.set(`${uniqueName} ${uid}`, name);
    return volumes;
  }

  #directory(host: KindHost, { uniqueName }: Pick<VolumeIdentity, 'uniqueName'>, mode: VolumeIdentity['mode']): string {
    const devices = mode === 'Block' ? ['volumeDevices'] : [];
    return join(host.root, 'plugins', this.plugin, ...devices, uniqueName.slice(this.plugin.length + 1));
  }
}

async function attached(access: DiskAccess, step: WantedStep, directory: string): Promise<string> {
  try {
    const device = await access.attach(step, directory);
    if (!(await ignoring(['ENOENT'], () => stat(device)))) throw new Error(`device ${device} does not exist`);
    return device;
  } catch (error) {
    step.signal.throwIfAborted();
    const words = step.volume.mode === 'Block' ? 'MapVolume.WaitForAttach failed' : 'MountVolume.WaitForAttach failed';
    // Sessions may be open: they are closed with the volume.
    throw stepFailed(words, step.volume.name, error instanceof FinalError ? error : new Error(errorMessage(error)));
  }
}
