import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupFigures, cgroupFigures } from './cgroupFigures.ts';
import type { CgroupMounts } from './cgroupMounts.ts';

/**
 * Reads the control files of cgroups. Synchronous on purpose: they are the kernel's memory, about 15 µs each, and a trip through
 * libuv's threads would cost five times that. A caller of many lets others have their turn between two cgroups.
 */
export class CgroupReader {
  readonly #mounts: CgroupMounts;
  readonly #names = new Map<string, string>();

  constructor(mounts: CgroupMounts) {
    this.#mounts = mounts;
  }

  /** The cgroup at a path below the mount points; undefined when there is none. */
  figures(path: string): CgroupFigures | undefined {
    const found = cgroupFigures(this.#mounts.version, (controller, file) => {
      const mount = this.#mounts.of(controller);
      return mount === undefined ? '' : textOf(join(mount, path, file));
    });
    if (!found.cpu && !found.memory) return undefined;
    return { ...found, devices: found.devices.map((d) => ({ ...d, name: this.#deviceName(d.device) })) };
  }

  /** Names of the cgroups right below. */
  children(path: string): string[] {
    const mount = this.#mounts.of('cpu') ?? this.#mounts.of('memory');
    if (mount === undefined) return [];
    try {
      const entries = readdirSync(join(mount, path), { withFileTypes: true });
      return entries.flatMap((e) => (e.isDirectory() ? [e.name] : []));
    } catch {
      return [];
    }
  }

  /** Ids of the processes in the cgroup itself. */
  pids(path: string): number[] {
    const mount = this.#mounts.of('cpu') ?? this.#mounts.of('memory');
    const text = mount === undefined ? '' : textOf(join(mount, path, 'cgroup.procs'));
    return text
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  }

  /** When the cgroup was made, wall ms, as near as its files tell; undefined when there is none. */
  createdMs(path: string): number | undefined {
    // A directory's time changes with its children; this file's does not.
    const steady = this.#mounts.version === 2 ? 'cgroup.events' : 'cgroup.clone_children';
    const times = this.#mounts.all.flatMap((mount) => [join(mount, path), join(mount, path, steady)]).map(changedMs);
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  #deviceName(device: string): string {
    const known = this.#names.get(device);
    if (known !== undefined) return known;
    const name = /^DEVNAME=(.+)$/m.exec(textOf(`/sys/dev/block/${device}/uevent`))?.[1];
    const full = name === undefined ? device : `/dev/${name}`;
    this.#names.set(device, full);
    return full;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function changedMs(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}
