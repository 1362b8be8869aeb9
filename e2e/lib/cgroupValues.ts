import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cgroupDirectories } from '../../hack/cluster/cgroups.ts';
import type { Lab } from './lab.ts';

/** What a cgroup says, in the terms of the machine's cgroup version; a value the version has not is absent. */
export interface CgroupValues {
  /** Below `kubepods`: `burstable/podUID/CONTAINER`. */
  readonly place: string;
  /** cgroup v1. */
  readonly shares?: number;
  /** CPU time per 100 ms in µs; -1: unlimited. */
  readonly quota?: number;
  /** Bytes; -1: unlimited. */
  readonly memory?: number;
}

function read(directory: string, file: string): string | undefined {
  const full = path.join(directory, file);
  return existsSync(full) ? readFileSync(full, 'utf8').trim() : undefined;
}

function limit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.split(' ')[0] === 'max' ? -1 : Number(text.split(' ')[0]);
  return value > 2 ** 60 ? -1 : value; // v1 says "no limit" with the largest page-aligned number
}

/** The values of a cgroup that is named `name` (a container id, `podUID`), gathered from all hierarchies. */
export function cgroupValues(lab: Lab, name: string): CgroupValues {
  const kubepods = `${lab.cluster.layout.cgroup}/kubepods`;
  const found = cgroupDirectories(kubepods).filter((d) => path.basename(d) === name);
  const [first = ''] = found;
  const merged: Record<string, number | undefined> = {};
  for (const directory of found) {
    merged.shares ??= limit(read(directory, 'cpu.shares'));
    merged.quota ??= limit(read(directory, 'cpu.cfs_quota_us') ?? read(directory, 'cpu.max'));
    merged.memory ??= limit(read(directory, 'memory.limit_in_bytes') ?? read(directory, 'memory.max'));
  }
  return { place: first.slice(first.indexOf(kubepods) + kubepods.length + 1), ...merged };
}
