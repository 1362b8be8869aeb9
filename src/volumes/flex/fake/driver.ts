import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ignoring } from '../../../lib/linux/linuxError.ts';
import type { ProgramRequest } from '../../../lib/linux/runProgram.ts';
import type { PersistentKind, VolumeSpec } from '../../persistent/contract.ts';
import { FakeVolumes, podOf } from '../../persistent/fake/attachedKind.ts';
import { FlexDrivers } from '../drivers.ts';
import { FlexKind } from '../kind.ts';
import { programOf } from '../rules/names.ts';

export const DRIVER = 'k8s/dummy';

/** A node with a FlexVolume driver that mounts into a fake mount table; a test says what it does not know, and what fails. */
export class FlexNode implements Disposable {
  readonly node = new FakeVolumes([]);
  readonly directory = join(this.node.root, 'volume-plugins');
  /** Every call but init: the command and what it was given. */
  readonly calls: string[][] = [];
  /** By command: what it prints instead of Success. */
  readonly says = new Map<string, string>();
  attach = false;
  capabilities: Record<string, unknown> = {};
  drivers!: FlexDrivers;
  kind!: PersistentKind;

  constructor() {
    this.node.answer = async (request) => ({ output: await this.#answer(request) });
    this.restart();
  }

  install(name = DRIVER, text = 'one'): void {
    mkdirSync(dirname(programOf(this.directory, name)), { recursive: true });
    writeFileSync(programOf(this.directory, name), text);
  }

  uninstall(name = DRIVER): void {
    rmSync(dirname(programOf(this.directory, name)), { recursive: true });
  }

  /** Another process on what is on disk. */
  restart(isAttached = true): void {
    this.node.volumes[Symbol.dispose]();
    this.drivers?.[Symbol.dispose]();
    this.drivers = new FlexDrivers(this.directory, this.node.host.run);
    this.kind = new FlexKind(this.drivers, this.directory, isAttached);
    this.node.open([this.kind]);
  }

  async have(uid: string, spec: VolumeSpec, pod = podOf(uid), more: { size?: string } = {}) {
    await this.kind.prepare?.(spec);
    return this.node.have(pod, spec, this.kind, more);
  }

  /** What a driver was told, without the options. */
  get commands(): string[] {
    return this.calls.map((call) => call.filter((arg) => !arg.startsWith('{')).join(' '));
  }

  [Symbol.dispose](): void {
    this.drivers[Symbol.dispose]();
    this.node[Symbol.dispose]();
  }

  async #answer({ program, args }: ProgramRequest): Promise<string> {
    if (program !== programOf(this.directory, DRIVER)) return '';
    const [command = '', ...more] = args;
    if (command === 'init')
      return JSON.stringify({ status: 'Success', capabilities: { attach: this.attach, ...this.capabilities } });
    this.calls.push([command, ...more]);
    const said = this.says.get(command);
    if (said !== undefined) return said;
    const { mounter } = this.node;
    if (command === 'mount' || command === 'mountdevice')
      await mounter.mount({ source: 'none', target: more[0]!, fsType: 'tmpfs' });
    // Drivers are asked again for what they have done already.
    if (command === 'unmount' || command === 'unmountdevice')
      await ignoring(['EINVAL', 'ENOENT'], () => mounter.unmount(more[0]!));
    return JSON.stringify({ status: 'Success', device: command === 'waitforattach' ? '/dev/flex' : undefined });
  }
}

/** A FlexVolume as a Pod has it. */
export function flexSpec(name: string, source: object = {}, more: Partial<VolumeSpec> = {}): VolumeSpec {
  return {
    name,
    inline: { name, flexVolume: { driver: DRIVER, ...source } },
    readOnly: false,
    mode: 'Filesystem',
    ...more,
  } as VolumeSpec;
}
