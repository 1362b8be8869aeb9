import { readdir, readFile, statfs } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { arch } from 'node:process';
import type { MachineFacts } from './types.ts';

/** Node's names of architectures → Go's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' };

/**
 * Reads what the machine is. Only reads; a file that is missing leaves its field empty or 0. `root` is where `/etc`, `/proc`
 * and `/sys` are found; `rootDir` names the directory whose file system is the local storage.
 */
export async function readMachineFacts(rootDir: string, root = '/'): Promise<MachineFacts> {
  const text = async (path: string) => (await readFile(join(root, path), 'utf8').catch(() => '')).trim();
  const [machineID, systemUUID, bootID, osRelease, meminfo, online, hugePages, rootfs] = await Promise.all([
    text('/etc/machine-id').then((id) => id || text('/var/lib/dbus/machine-id')),
    text('/sys/class/dmi/id/product_uuid').then((id) => id || text('/etc/machine-id')),
    text('/proc/sys/kernel/random/boot_id'),
    text('/etc/os-release').then((os) => os || text('/usr/lib/os-release')),
    text('/proc/meminfo'),
    text('/sys/devices/system/cpu/online'),
    readHugePages(join(root, '/sys/kernel/mm/hugepages')),
    statfs(rootDir).catch(() => undefined),
  ]);
  return {
    machineID,
    systemUUID,
    bootID,
    kernelVersion: release(),
    osImage: prettyName(osRelease),
    architecture: ARCHITECTURES[arch] ?? arch,
    cores: countCpus(online),
    memoryBytes: kilobytes(meminfo, 'MemTotal') * 1024,
    swapBytes: kilobytes(meminfo, 'SwapTotal') * 1024,
    hugePages,
    ...(rootfs && { rootfsBytes: rootfs.blocks * rootfs.bsize }),
  };
}

/** PRETTY_NAME of an os-release file; `Unknown` without one, as cAdvisor says. */
export function prettyName(osRelease: string): string {
  const line = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim();
  const bare = line?.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(["$`\\])/g, '$1');
  return bare || 'Unknown';
}

/** The number of CPUs in the kernel's list format: `0-3,8,10-11` are 7. At least 1. */
export function countCpus(list: string): number {
  let count = 0;
  for (const part of list.split(',')) {
    const [first, last = first] = part.split('-').map(Number);
    if (first !== undefined && last !== undefined && last >= first && part !== '') count += last - first + 1;
  }
  return Math.max(count, 1);
}

/** A field of /proc/meminfo, which counts in units of 1024 bytes. */
export function kilobytes(meminfo: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0);
}

async function readHugePages(directory: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const name of await readdir(directory).catch(() => [])) {
    const kB = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
    if (!kB) continue;
    const count = Number(await readFile(join(directory, name, 'nr_hugepages'), 'utf8').catch(() => '0'));
    sizes[String(kB * 1024)] = count * kB * 1024;
  }
  return sizes;
}
