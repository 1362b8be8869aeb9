import { readdir, readFile } from 'node:fs/promises';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { ignoring } from '../lib/linux/linuxError.ts';
import { type MountEntry, parseMountInfo } from '../lib/linux/mountInfo.ts';
import { CONTROLLERS, type Controller } from './rules/controlFiles.ts';
import { hugePageBytes } from './rules/hugePageSize.ts';

/** Where this machine's cgroups are. */
export interface Hierarchies {
  readonly version: 1 | 2;
  /** Mount point of each controller that is there; with version 2 all of them at the root. A missing one is done without. */
  readonly controllers: ReadonlyMap<Controller, string>;
  /** Every hierarchy's mount point, also those without a controller that the kubelet sets (v1: devices, freezer, systemd …). */
  readonly mounts: readonly string[];
  readonly hugePageSizes: readonly number[];
}

/** Reads the mount table and the kernel's list. Throws when no cgroup file system is mounted. */
export async function detectHierarchies(): Promise<Hierarchies> {
  const entries = parseMountInfo(await readFile('/proc/self/mountinfo'));
  const pages = (await ignoring(['ENOENT'], () => readdir('/sys/kernel/mm/hugepages'))) ?? [];
  const hugePageSizes = pages.map(hugePageBytes).filter((size) => size !== undefined);
  const unified = entries.find((entry) => entry.fsType === 'cgroup2' && entry.mountPoint === '/sys/fs/cgroup');
  if (!unified) return hierarchiesV1(entries, await readFile('/proc/cgroups', 'utf8'), hugePageSizes);
  const available = await readFile(`${unified.mountPoint}/cgroup.controllers`, 'utf8').catch((error) => {
    throw new KubeletError(`cannot read the controllers of cgroup v2: ${errorMessage(error)}`, {
      code: 'Cgroup',
      cause: error,
    });
  });
  return hierarchiesV2(unified.mountPoint, available, hugePageSizes);
}

/** One hierarchy for all controllers that its root offers. */
export function hierarchiesV2(root: string, available: string, hugePageSizes: readonly number[]): Hierarchies {
  const names = new Set(available.trim().split(/\s+/));
  const controllers = CONTROLLERS.filter((name) => names.has(name)).map((name) => [name, root] as const);
  return { version: 2, controllers: new Map(controllers), mounts: [root], hugePageSizes };
}

/**
 * A hierarchy for each mount of type cgroup. A controller that is mounted more than once is taken at the shortest path, as in the Go
 * kubelet; one that /proc/cgroups calls disabled is left out. A cgroup2 mount beside them is a place to clean up, no more.
 */
export function hierarchiesV1(
  entries: readonly MountEntry[],
  procCgroups: string,
  hugePageSizes: readonly number[],
): Hierarchies {
  const disabled = disabledControllers(procCgroups);
  const mounts = entries.filter((entry) => entry.fsType === 'cgroup').sort(byPathLength);
  const controllers = new Map<Controller, string>();
  const places = new Map<string, string>();
  for (const { superOptions, mountPoint } of mounts) {
    for (const option of superOptions) {
      const name = CONTROLLERS.find((known) => known === option);
      if (name && !disabled.has(name) && !controllers.has(name)) controllers.set(name, mountPoint);
    }
    // Equal options are the same hierarchy mounted again.
    const identity = superOptions
      .filter((option) => !['rw', 'ro'].includes(option))
      .sort()
      .join();
    if (!places.has(identity)) places.set(identity, mountPoint);
  }
  if (controllers.size === 0) {
    throw new KubeletError(
      'no cgroup file system with a usable controller is mounted; mount cgroup2 on /sys/fs/cgroup',
      {
        code: 'Cgroup',
      },
    );
  }
  // Hybrid machines: runc puts its containers into the unified hierarchy too and leaves the Pod's directory there to us.
  const unified = entries.find((entry) => entry.fsType === 'cgroup2')?.mountPoint;
  const everywhere = unified === undefined ? [...places.values()] : [...places.values(), unified];
  return { version: 1, controllers, mounts: everywhere, hugePageSizes };
}

const byPathLength = (a: MountEntry, b: MountEntry): number => a.mountPoint.length - b.mountPoint.length;

function disabledControllers(procCgroups: string): Set<string> {
  const rows = procCgroups.split('\n').map((line) => line.split(/\s+/));
  return new Set(rows.filter((row) => row[3] === '0').map((row) => row[0]!));
}
