import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { identify, signal } from '../lib/processes.ts';
import { waitFor } from '../lib/wait.ts';
import { mounts } from './mounts.ts';

/** The mount points of all cgroup hierarchies of this machine (v1: one per controller; v2: one). */
export function hierarchies(): string[] {
  return mounts()
    .filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
    .map(({ target }) => target);
}

function inherit(directory: string, file: string): void {
  const own = path.join(directory, file);
  if (!existsSync(own) || readFileSync(own, 'utf8').trim() !== '') return;
  writeFileSync(own, readFileSync(path.join(directory, '..', file), 'utf8').trim());
}

/** Makes a cgroup in every hierarchy and returns its directories. A v1 cpuset takes over its parent's CPUs and memory nodes. */
export function makeCgroup(cgroup: string): string[] {
  return hierarchies().map((root) => {
    let directory = root;
    for (const part of cgroup.split('/').filter(Boolean)) {
      directory = path.join(directory, part);
      mkdirSync(directory, { recursive: true });
      inherit(directory, 'cpuset.cpus');
      inherit(directory, 'cpuset.mems');
    }
    return directory;
  });
}

function tree(directory: string): string[] {
  try {
    const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...children.flatMap((child) => tree(path.join(directory, child.name))), directory];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The directories of a cgroup and everything below it, in every hierarchy, children first. */
export function cgroupDirectories(cgroup: string): string[] {
  return hierarchies().flatMap((root) => tree(path.join(root, cgroup)));
}

/** The processes in a cgroup and below, in any hierarchy. */
function cgroupPids(cgroup: string): number[] {
  const pids = new Set<number>();
  for (const directory of cgroupDirectories(cgroup)) {
    try {
      for (const line of readFileSync(path.join(directory, 'cgroup.procs'), 'utf8').split('\n')) {
        if (line) pids.add(Number(line));
      }
    } catch (error) {
      // Removed meanwhile (ENOENT, ENODEV), or a threaded v2 cgroup whose processes its parent lists (EOPNOTSUPP).
      if (!['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  pids.delete(0); // a process of another PID namespace
  return [...pids];
}

function thaw(cgroup: string): void {
  for (const directory of cgroupDirectories(cgroup)) {
    const file = path.join(directory, 'freezer.state');
    if (existsSync(file) && readFileSync(file, 'utf8').trim() !== 'THAWED') writeFileSync(file, 'THAWED');
  }
}

/** Kills every process in a cgroup and below, thawing frozen ones, until none is left. */
export async function killCgroup(cgroup: string): Promise<void> {
  await waitFor(`the processes in cgroup ${cgroup} to die`, { timeout: 60_000, interval: 30 }, () => {
    const pids = cgroupPids(cgroup).filter((pid) => pid !== process.pid);
    for (const pid of pids) {
      const id = identify(pid);
      if (id) signal(id, 'SIGKILL');
    }
    if (pids.length > 0) thaw(cgroup);
    return pids.length === 0;
  });
}

/** Removes a cgroup with everything below it. The kernel may need a moment after the last process died. */
export async function removeCgroup(cgroup: string): Promise<void> {
  await waitFor(`cgroup ${cgroup} to be removed`, { timeout: 60_000, interval: 30 }, () => {
    for (const directory of cgroupDirectories(cgroup)) {
      try {
        rmdirSync(directory);
      } catch (error) {
        if (!['EBUSY', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
    return cgroupDirectories(cgroup).length === 0;
  });
}
