// SCSI disks as the kernel shows them in /sys, and udev in /dev/disk.
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { ignoring } from '../../lib/linux/linuxError.ts';
import type { KindHost } from '../persistent/contract.ts';

/** The kernel answers a write when it has done what was asked, which may be never: a program waits for it. */
const WRITE_MS = 60_000;

/** Where the kernel's and udev's files are. */
export interface ScsiPlaces {
  /** `/sys`, or another directory in tests. */
  readonly sys: string;
  /** `/dev`. */
  readonly dev: string;
}

/** What the kinds of disks need to know of SCSI. Everything is read anew at each call; what is not there is empty. */
export class ScsiDevices {
  readonly dev: string;
  readonly #sys: string;

  constructor({ sys, dev }: ScsiPlaces) {
    this.dev = dev;
    this.#sys = sys;
  }

  /** Whether the kernel has a class of devices, as `iscsi_host`. */
  async has(name: string): Promise<boolean> {
    return (await ignoring(['ENOENT'], () => lstat(join(this.#sys, 'class', name)))) !== undefined;
  }

  /** Numbers of the SCSI hosts that are logged in at an iSCSI target, by portal: `192.168.30.7:3260` → 2. */
  async portalHosts(iqn: string): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (const { host, session } of await this.#sessions(iqn))
      for (const name of (await names(session)).filter((one) => one.startsWith('connection'))) {
        const at = join(session, name, 'iscsi_connection', name);
        const [address, port, first, firstPort] = await Promise.all(
          ['address', 'port', 'persistent_address', 'persistent_port'].map((file) => text(join(at, file))),
        );
        if (address === undefined || port === undefined || first === undefined || firstPort === undefined) continue;
        found.set(portal(address, port), host);
        found.set(portal(first, firstPort), host);
      }
    return found;
  }

  /** Names of the disks of a LUN of an iSCSI target, as `sdb`: one for each session. */
  async disksOfLun(iqn: string, lun: number): Promise<string[]> {
    const found: string[] = [];
    for (const { host, session } of await this.#sessions(iqn)) {
      const [disk] = await names(join(session, `target${host}:0:0`, `${host}:0:0:${lun}`, 'block'));
      if (disk !== undefined) found.push(disk);
    }
    return found;
  }

  /** The multipath device over a disk, `/dev/dm-1`; undefined without one. */
  async multipathOf(path: string): Promise<string | undefined> {
    if (path.startsWith(join(this.dev, 'dm-'))) return path;
    const disk = await this.diskAt(path);
    if (disk === undefined) return undefined;
    for (const name of (await names(join(this.#sys, 'block'))).filter((one) => one.startsWith('dm-')))
      if ((await names(join(this.#sys, 'block', name, 'slaves'))).includes(disk)) return join(this.dev, name);
    return undefined;
  }

  /** The disks under a multipath device, as `sdb`. */
  slavesOf(device: string): Promise<string[]> {
    return names(join(this.#sys, 'block', device.slice(this.dev.length + 1), 'slaves'));
  }

  /** The name of the disk that a path or link leads to; undefined when it leads nowhere, or out of /dev. */
  async diskAt(path: string): Promise<string | undefined> {
    const found = await ignoring(['ENOENT'], () => realpath(path));
    const name = found?.startsWith(`${this.dev}/`) ? found.slice(this.dev.length + 1) : undefined;
    return name === undefined || name.includes('/') ? undefined : name;
  }

  /** Names of udev's links to disks, in `by-path` or `by-id`. */
  links(directory: 'by-path' | 'by-id'): Promise<string[]> {
    return names(join(this.dev, 'disk', directory));
  }

  /** Has one host look for one LUN: others would be found that nobody looks after. */
  scanLun(by: KindHost, host: number, lun: number): Promise<void> {
    return tellKernel(by, join(this.#sys, 'class/scsi_host', `host${host}`, 'scan'), `0 0 ${lun}`);
  }

  /** Has all hosts look for everything. */
  async scanAll(by: KindHost): Promise<void> {
    const hosts = join(this.#sys, 'class/scsi_host');
    for (const name of await names(hosts)) await tellKernel(by, join(hosts, name, 'scan'), '- - -').catch(() => {}); // as kubelet: the search tells
  }

  /** The kernel forgets a disk. Nothing, when it is gone. */
  async forget(by: KindHost, disk: string): Promise<void> {
    const file = join(this.#sys, 'block', disk, 'device/delete');
    if (await ignoring(['ENOENT'], () => lstat(file))) await tellKernel(by, file, '1');
  }

  async #sessions(iqn: string): Promise<{ readonly host: number; readonly session: string }[]> {
    const hosts = join(this.#sys, 'class/iscsi_host');
    const found: { host: number; session: string }[] = [];
    for (const hostName of await names(hosts)) {
      const [, number] = /^host(\d+)$/.exec(hostName) ?? [];
      if (number === undefined) continue;
      const device = join(hosts, hostName, 'device');
      for (const name of (await names(device)).filter((one) => one.startsWith('session'))) {
        const session = join(device, name);
        const target = await text(join(session, 'iscsi_session', name, 'targetname'));
        if (target === iqn) found.push({ host: Number(number), session });
      }
    }
    return found;
  }
}

async function tellKernel(host: KindHost, file: string, text: string): Promise<void> {
  const args = ['-c', 'printf %s "$1" > "$2"', 'sh', text, file];
  const { code, output, killed } = await host.run({ program: 'sh', args, deadlineMs: WRITE_MS });
  if (code === 0) return;
  throw new Error(killed ? `${file} did not answer within ${WRITE_MS / 1000}s` : `${file}: ${output.trim()}`);
}

function portal(address: string, port: string): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

async function names(directory: string): Promise<string[]> {
  return (await ignoring(['ENOENT', 'ENOTDIR'], () => readdir(directory))) ?? [];
}

async function text(path: string): Promise<string | undefined> {
  return (await ignoring(['ENOENT', 'ENODEV', 'ENOTCONN'], () => readFile(path, 'utf8')))?.trim();
}
