import { readFile } from 'node:fs/promises';
import { type MountEntry, parseMountInfo } from '../../lib/linux/mountInfo.ts';

/** Where each controller's files are. */
export interface CgroupMounts {
  readonly version: 1 | 2;
  /** The mount point of a controller (v1's names); undefined when this machine has none. */
  of(controller: string): string | undefined;
  /** Every mount point, each once. */
  readonly all: readonly string[];
}

/** Reads the mount table. Rejects when it cannot be read. */
export async function findCgroupMounts(): Promise<CgroupMounts> {
  return cgroupMounts(parseMountInfo(await readFile('/proc/self/mountinfo')));
}

/** cgroup v2 at its usual place wins; else a controller that is mounted more than once is taken at the shortest path. */
export function cgroupMounts(entries: readonly MountEntry[]): CgroupMounts {
  const unified = entries.find((e) => e.fsType === 'cgroup2' && e.mountPoint === '/sys/fs/cgroup');
  if (unified) return { version: 2, of: () => unified.mountPoint, all: [unified.mountPoint] };
  const places = new Map<string, string>();
  const v1 = entries.filter((e) => e.fsType === 'cgroup').sort((a, b) => a.mountPoint.length - b.mountPoint.length);
  for (const { superOptions, mountPoint } of v1) {
    for (const name of superOptions) if (!places.has(name)) places.set(name, mountPoint);
  }
  return { version: 1, of: (controller) => places.get(controller), all: [...new Set(v1.map((e) => e.mountPoint))] };
}
