import type { CgroupFigures } from './cgroupFigures.ts';
import type { DiskIo } from './diskIo.ts';
import type { InterfaceFigures, ProcessFigures } from './processFigures.ts';

/** What a file system of a container (or of the machine) holds. */
export interface DiskFigures {
  readonly device: string;
  readonly usedBytes?: number;
  readonly limitBytes?: number;
  readonly inodes?: number;
  readonly inodesFree?: number;
  /** Of the whole device: known for the machine only. */
  readonly io?: DiskIo;
}

/** Whom a cgroup belongs to; names are empty where they do not apply. */
export interface CgroupIdentity {
  /** The path below the mount points: cAdvisor's `id`. */
  readonly path: string;
  /** The runtime's id of the container or sandbox. */
  readonly name: string;
  readonly image: string;
  readonly container: string;
  readonly pod: string;
  readonly namespace: string;
  /** Wall ms; undefined: as old as its directory. */
  readonly startedMs?: number;
  /** Its processes are looked at one by one. */
  readonly processes?: boolean;
  /** Its network is its own. */
  readonly network?: boolean;
}

/** One cgroup as it was at `atMs`. */
export interface CgroupReading {
  readonly identity: CgroupIdentity;
  readonly atMs: number;
  readonly startedMs: number;
  readonly figures: CgroupFigures;
  readonly processes?: ProcessFigures;
  readonly interfaces?: readonly InterfaceFigures[];
  readonly disks: readonly DiskFigures[];
}
