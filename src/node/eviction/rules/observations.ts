import type { Signal } from './signals.ts';

/** A file system. */
export interface FsFigures {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** What was read of the node; what could not be read is absent. Bytes, inodes, tasks. */
export interface NodeReadings {
  /** Monotonic ms. */
  readonly atMs: number;
  readonly memory?: { readonly total: number; readonly workingSet: number };
  /** The cgroup of all Pods, where it has a limit. */
  readonly pods?: { readonly limit: number; readonly workingSet: number };
  readonly nodefs?: FsFigures;
  readonly imagefs?: FsFigures;
  readonly containerfs?: FsFigures;
  readonly tasks?: { readonly max: number; readonly running: number };
}

/** How much there is of a signal. */
export interface SignalObservation {
  readonly available: number;
  readonly capacity: number;
}

export type Observations = Readonly<Partial<Record<Signal, SignalObservation>>>;

export interface Observed {
  readonly observations: Observations;
  /** What was read and cannot be; nothing is done about these signals. */
  readonly impossible: readonly string[];
}

/** The signals of a reading. */
export function observe(readings: NodeReadings): Observed {
  const observations: Partial<Record<Signal, SignalObservation>> = {};
  const impossible: string[] = [];
  const set = (signal: Signal, available: number, capacity: number, what: string) => {
    const isPossible = [available, capacity].every((n) => Number.isSafeInteger(n) && n >= 0) && available <= capacity;
    if (isPossible) observations[signal] = { available, capacity };
    else impossible.push(`${signal}: ${what}`);
  };
  const { memory, pods, tasks } = readings;
  if (memory)
    set(
      'memory.available',
      memory.total - memory.workingSet,
      memory.total,
      `the working set, ${memory.workingSet} bytes, is not within the machine's memory, ${memory.total} bytes`,
    );
  if (pods) {
    // Above its limit only for a moment, after that was lowered: then there is nothing left.
    const available = Math.max(0, pods.limit - pods.workingSet);
    const isWithin = !memory || pods.workingSet <= memory.total;
    set(
      'allocatableMemory.available',
      isWithin ? available : Number.NaN,
      available + pods.workingSet,
      `the working set of all Pods, ${pods.workingSet} bytes, is above the machine's memory, ${memory?.total} bytes`,
    );
  }
  for (const name of ['nodefs', 'imagefs', 'containerfs'] as const) {
    const fs = readings[name];
    if (!fs) continue;
    const part = (available: number, capacity: number, unit: string) =>
      `${available} ${unit} are said to be free of ${capacity}`;
    // Some file systems have neither a size nor a number of inodes (btrfs makes them when it needs them).
    if (fs.capacityBytes !== 0)
      set(`${name}.available`, fs.availableBytes, fs.capacityBytes, part(fs.availableBytes, fs.capacityBytes, 'bytes'));
    if (fs.inodes !== 0) set(`${name}.inodesFree`, fs.inodesFree, fs.inodes, part(fs.inodesFree, fs.inodes, 'inodes'));
  }
  if (tasks)
    set('pid.available', tasks.max - tasks.running, tasks.max, `${tasks.running} tasks run of at most ${tasks.max}`);
  return { observations, impossible };
}
