import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProgramRequest, ProgramResult } from '../../../lib/linux/runProgram.ts';
import type { PersistentKind, VolumeSpec } from '../../persistent/contract.ts';
import { FakeVolumes, podOf } from '../../persistent/fake/attachedKind.ts';
import { ScsiDevices } from '../devices.ts';
import * as fc from '../fc.ts';
import { fcKind } from '../fcKind.ts';
import * as iscsi from '../iscsi.ts';
import { iscsiKind } from '../iscsiKind.ts';

export const IQN = 'iqn.2003-01.io.k8s:e2e.volume-1';

const SHOWN =
  'iface.iscsi_ifacename = default\niface.transport_name = tcp\niface.initiatorname = <empty>\niface.mtu = 9000\n';

/** A node with a /sys, a /dev and an iscsiadm of its own, behind which are disks. */
export class ScsiNode implements Disposable {
  readonly node = new FakeVolumes([]);
  readonly sys = join(this.node.root, 'sys');
  readonly dev = join(this.node.root, 'dev');
  readonly scsi = new ScsiDevices({ sys: this.sys, dev: this.dev });
  /** Calls of iscsiadm, multipath and writes to /sys, each in one line. */
  readonly calls: string[] = [];
  /** What a program says instead of doing its work, for lines that match. */
  readonly says = new Map<RegExp, Partial<ProgramResult>>();
  /** Portals whose target answers. */
  readonly portals = new Set(['10.0.0.1:3260', '10.0.0.2:3260']);
  readonly sessions = new Map<string, number>();
  kind!: PersistentKind;
  #disks = 0;

  constructor(kind: 'iscsi' | 'fc') {
    for (const directory of ['disk/by-path', 'disk/by-id']) mkdirSync(join(this.dev, directory), { recursive: true });
    mkdirSync(join(this.sys, 'class/scsi_host'), { recursive: true });
    mkdirSync(join(this.sys, 'block'));
    this.node.answer = (request) => this.#answer(request);
    this.restart(kind);
  }

  restart(kind: 'iscsi' | 'fc', isAttached = true): void {
    this.node.volumes[Symbol.dispose]();
    this.kind =
      kind === 'iscsi'
        ? iscsiKind(this.scsi, this.node.clock, isAttached, async () => iscsi)
        : fcKind(this.scsi, isAttached, async () => fc);
    this.node.open([this.kind]);
  }

  /** The controller says that it is attached, as soon as the node says that it is in use. */
  async have(uid: string, spec: VolumeSpec, pod = podOf(uid), more: { seLinuxLabel?: string } = {}) {
    const { reportedAs } = this.kind.identify(spec, pod, undefined as never);
    const having = this.node.have(pod, spec, this.kind, more);
    this.node.volumes.nodeSeen({
      status: { volumesInUse: [reportedAs!], volumesAttached: [{ name: reportedAs!, devicePath: '' }] },
    });
    return having;
  }

  /** A disk that the kernel knows, `sda` and so on, with udev's link. */
  addDisk(place: 'by-path' | 'by-id', link: string): string {
    const name = `sd${String.fromCharCode(97 + this.#disks++)}`;
    writeFileSync(join(this.dev, name), '');
    symlinkSync(join(this.dev, name), join(this.dev, 'disk', place, link));
    mkdirSync(join(this.sys, 'block', name, 'device'), { recursive: true });
    writeFileSync(join(this.sys, 'block', name, 'device/delete'), '');
    return name;
  }

  /** multipathd has put a device over these disks. */
  multipath(name: string, ...disks: string[]): string {
    for (const disk of disks) mkdirSync(join(this.sys, 'block', name, 'slaves', disk), { recursive: true });
    writeFileSync(join(this.dev, name), '');
    return join(this.dev, name);
  }

  addHost(number: number): void {
    mkdirSync(join(this.sys, 'class/scsi_host', `host${number}`), { recursive: true });
    writeFileSync(join(this.sys, 'class/scsi_host', `host${number}`, 'scan'), '');
  }

  [Symbol.dispose](): void {
    this.node[Symbol.dispose]();
  }

  /** Called when a host was told to scan. */
  onScan: (host: number, what: string) => void = (host, what) => {
    const portal = [...this.sessions].find(([, number]) => number === host)?.[0];
    const lun = what.split(' ')[2]!;
    if (portal === undefined || lun !== '0') return;
    const name = this.addDisk('by-path', `ip-${portal}-iscsi-${IQN}-lun-${lun}`);
    const target = join(this.#session(host), `target${host}:0:0/${host}:0:0:${lun}/block`, name);
    mkdirSync(target, { recursive: true });
  };

  async #answer({ program, args }: ProgramRequest): Promise<Partial<ProgramResult>> {
    const line =
      program === 'sh' ? `write ${args[3]} ${args[4]!.slice(this.sys.length)}` : [program, ...args].join(' ');
    if (['sh', 'iscsiadm', 'multipath', 'blockdev'].includes(program)) this.calls.push(line);
    for (const [pattern, result] of this.says) if (pattern.test(line)) return result;
    if (program === 'sh') this.#write(args[3]!, args[4]!);
    if (program === 'blkid') return { output: 'TYPE=ext4\n' };
    if (program === 'mount') {
      const [source, target] = args.slice(-2) as [string, string];
      const flags = args.includes('bind') ? 4096 : 0;
      await this.node.mounter.mount({ source, target, fsType: 'ext4', flags });
    }
    return program === 'iscsiadm' ? this.#iscsiadm(args) : {};
  }

  #iscsiadm(args: readonly string[]): Partial<ProgramResult> {
    const portal = args[args.indexOf('-p') + 1]!;
    if (args.includes('show')) return { output: SHOWN };
    if (args.includes('--discover') && !this.portals.has(portal)) return { code: 4, output: 'no route' };
    if (args.includes('--login')) this.#logIn(portal);
    if (args.includes('--logout')) {
      rmSync(join(this.sys, 'class/iscsi_host', `host${this.sessions.get(portal)}`), { recursive: true, force: true });
      if (!this.sessions.delete(portal)) return { code: 21 };
    }
    return {};
  }

  #logIn(portal: string): void {
    const host = 2 + this.sessions.size;
    this.sessions.set(portal, host);
    this.addHost(host);
    const session = this.#session(host);
    const [address = '', port = ''] = portal.split(':');
    const connection = join(session, `connection${host}:0/iscsi_connection/connection${host}:0`);
    mkdirSync(connection, { recursive: true });
    for (const prefix of ['', 'persistent_']) {
      writeFileSync(join(connection, `${prefix}address`), `${address}\n`);
      writeFileSync(join(connection, `${prefix}port`), `${port}\n`);
    }
    mkdirSync(join(session, `iscsi_session/session${host}`), { recursive: true });
    writeFileSync(join(session, `iscsi_session/session${host}/targetname`), `${IQN}\n`);
  }

  #session(host: number): string {
    return join(this.sys, 'class/iscsi_host', `host${host}`, 'device', `session${host}`);
  }

  #write(text: string, file: string): void {
    const [, host] = /host(\d+)\/scan$/.exec(file) ?? [];
    if (host !== undefined) this.onScan(Number(host), text);
    const [, disk] = /block\/(\w+)\/device\/delete$/.exec(file) ?? [];
    if (disk !== undefined) rmSync(join(this.sys, 'block', disk), { recursive: true });
  }
}
