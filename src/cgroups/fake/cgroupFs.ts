import { basename, dirname } from 'node:path';
import type { PathBytes } from '../../lib/linux/pathBytes.ts';
import type { CgroupFs } from '../cgroupFs.ts';
import type { Hierarchies } from '../hierarchies.ts';
import { CONTROLLERS } from '../rules/controlFiles.ts';

interface FakeCgroup {
  readonly files: Map<string, string>;
  readonly pids: Set<number>;
}

const FILES_V1: Readonly<Record<string, readonly string[]>> = {
  cpu: ['cpu.shares', 'cpu.cfs_quota_us', 'cpu.cfs_period_us'],
  cpuset: ['cpuset.cpus', 'cpuset.mems'],
  memory: ['memory.limit_in_bytes', 'memory.usage_in_bytes'],
  pids: ['pids.max'],
  hugetlb: ['hugetlb.2MB.limit_in_bytes'],
};
const FILES_V2: Readonly<Record<string, readonly string[]>> = {
  cpu: ['cpu.weight', 'cpu.max'],
  cpuset: ['cpuset.cpus', 'cpuset.mems'],
  memory: ['memory.max', 'memory.min', 'memory.low', 'memory.current'],
  pids: ['pids.max'],
  hugetlb: ['hugetlb.2MB.max', 'hugetlb.2MB.rsvd.max'],
};

/** Hierarchies for the fake: v1 with cpu and cpuacct on one mount and a named one, v2 with everything on one. */
export function fakeHierarchies(version: 1 | 2, without: readonly string[] = []): Hierarchies {
  const names = CONTROLLERS.filter((name) => !without.includes(name) && (version === 1 || name !== 'cpuacct'));
  const mountOf = (name: string) =>
    version === 2 ? '/cg' : `/cg/${name.startsWith('cpu') && name !== 'cpuset' ? 'cpu,cpuacct' : name}`;
  const controllers = new Map(names.map((name) => [name, mountOf(name)]));
  const mounts = [...new Set(controllers.values())];
  return {
    version,
    controllers,
    mounts: version === 1 ? [...mounts, '/cg/systemd'] : mounts,
    hugePageSizes: [2 ** 21],
  };
}

/**
 * A cgroup file system in memory with the kernel's manners: control files come with the directory and, on v2, with the parent's
 * subtree_control; a cgroup with processes or children cannot be removed; a killed process leaves after `lingerReads` reads.
 */
export class FakeCgroupFs implements CgroupFs {
  readonly writes: string[] = [];
  readonly killed: number[] = [];
  lingerReads = 0;
  readonly #hierarchies: Hierarchies;
  readonly #groups = new Map<string, FakeCgroup>();
  readonly #dying = new Map<number, number>();
  #failures: { match: string; code: string }[] = [];

  constructor(hierarchies: Hierarchies) {
    this.#hierarchies = hierarchies;
    for (const mount of hierarchies.mounts) this.#create(mount, true);
  }

  /** The next write whose record `path=value` contains `match` fails with this errno name. */
  failNext(match: string, code: string): void {
    this.#failures.push({ match, code });
  }

  /** Puts a process into a cgroup, made with its parents if need be. */
  addProcess(path: string, pid: number): void {
    if (!this.#groups.has(path)) {
      this.addProcess(dirname(path), -1);
      this.#create(path, false);
    }
    if (pid >= 0) this.#groups.get(path)!.pids.add(pid);
  }

  /** All cgroups below a mount point, mount points themselves left out. */
  paths(): string[] {
    return [...this.#groups.keys()].filter((path) => !this.#hierarchies.mounts.includes(path)).sort();
  }

  async mkdir(path: string): Promise<boolean> {
    if (this.#groups.has(path)) return false;
    if (!this.#groups.has(dirname(path))) throw failure('ENOENT', path);
    this.#create(path, false);
    return true;
  }

  async read(at: PathBytes): Promise<string> {
    const path = at.toString();
    const group = this.#group(path);
    if (basename(path) === 'cgroup.procs') return this.#processes(group);
    const text = group.files.get(basename(path));
    if (text === undefined) throw failure('ENOENT', path);
    return text;
  }

  async write(path: string, value: string): Promise<void> {
    const record = `${path}=${value}`;
    const at = this.#failures.findIndex(({ match }) => record.includes(match));
    if (at !== -1) throw failure(this.#failures.splice(at, 1)[0]!.code, path);
    const group = this.#group(path);
    if (!group.files.has(basename(path))) throw failure('ENOENT', path);
    this.writes.push(record);
    group.files.set(basename(path), value);
    if (basename(path) === 'cgroup.subtree_control') this.#enable(dirname(path), value);
  }

  async rmdir(at: PathBytes): Promise<void> {
    const path = at.toString();
    const group = this.#groups.get(path);
    if (!group) throw failure('ENOENT', path);
    this.#processes(group);
    if (group.pids.size > 0 || this.#childPaths(path).length > 0) throw failure('EBUSY', path);
    this.#groups.delete(path);
  }

  async children(path: PathBytes): Promise<Buffer[]> {
    return this.#childPaths(path.toString()).map((child) => Buffer.from(basename(child)));
  }

  kill(pid: number): void {
    this.killed.push(pid);
    if (!this.#dying.has(pid)) this.#dying.set(pid, this.lingerReads);
  }

  #group(file: string): FakeCgroup {
    const group = this.#groups.get(dirname(file));
    if (!group) throw failure('ENOENT', file);
    return group;
  }

  #processes(group: FakeCgroup): string {
    for (const pid of group.pids) {
      const reads = this.#dying.get(pid);
      if (reads === undefined) continue;
      if (reads <= 0) group.pids.delete(pid);
      else this.#dying.set(pid, reads - 1);
    }
    return [...group.pids].map((pid) => `${pid}\n`).join('');
  }

  #childPaths(path: string): string[] {
    return [...this.#groups.keys()].filter((other) => dirname(other) === path);
  }

  /** The children that are there already get the files of controllers that are switched on. */
  #enable(path: string, enabled: string): void {
    for (const child of this.#childPaths(path)) {
      const { files } = this.#groups.get(child)!;
      for (const [name, names] of Object.entries(FILES_V2)) {
        if (!enabled.includes(`+${name}`)) continue;
        for (const file of names) if (!files.has(file)) files.set(file, '');
      }
    }
  }

  #create(path: string, isRoot: boolean): void {
    const { version, controllers } = this.#hierarchies;
    const mount = this.#hierarchies.mounts.find((place) => path === place || path.startsWith(`${place}/`));
    const here = [...controllers].filter(([, place]) => place === mount).map(([name]) => name);
    const enabled = this.#groups.get(dirname(path))?.files.get('cgroup.subtree_control') ?? '';
    const files = new Map(version === 2 ? [['cgroup.subtree_control', '']] : []);
    for (const name of here) {
      if (version === 2 && !isRoot && !enabled.includes(`+${name}`)) continue;
      for (const file of (version === 1 ? FILES_V1 : FILES_V2)[name] ?? [])
        files.set(file, name === 'cpuset' && isRoot ? '0-3' : '');
    }
    this.#groups.set(path, { files, pids: new Set() });
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
