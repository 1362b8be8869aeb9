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
import { bytesOf } from '../persistent/rules/expansion.ts';
import { PayloadError } from '../rules/payload.ts';
import { attached, mount, mountDevice, takeDown } from './calls.ts';
import type { FlexDrivers } from './drivers.ts';
import { reconstruct } from './reconstruct.ts';
import { deviceMountPath, driverOf, FLEX_PLUGIN, uniqueNameOf } from './rules/names.ts';
import { callOptions, flexSource } from './rules/options.ts';
import { flexSecretReference } from './secret.ts';

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
