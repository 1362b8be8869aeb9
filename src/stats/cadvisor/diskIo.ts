import { readFile, stat } from 'node:fs/promises';

/** What a block device did since the machine began, as /proc/diskstats counts it. Times are milliseconds. */
export interface DiskIo {
  readonly readsMerged: number;
  readonly sectorsRead: number;
  readonly readMs: number;
  readonly writesMerged: number;
  readonly sectorsWritten: number;
  readonly writeMs: number;
  readonly inProgress: number;
  readonly ioMs: number;
  readonly weightedMs: number;
}

const none: DiskIo = {
  readsMerged: 0,
  sectorsRead: 0,
  readMs: 0,
  writesMerged: 0,
  sectorsWritten: 0,
  writeMs: 0,
  inProgress: 0,
  ioMs: 0,
  weightedMs: 0,
};

/** The line of one device (`major:minor`) in /proc/diskstats (kernel: admin-guide/iostats); zeros for one that it does not name. */
export function diskIo(diskstats: string, device: string): DiskIo {
  for (const line of diskstats.split('\n')) {
    const [major, minor, , ...fields] = line.trim().split(/\s+/);
    if (`${major}:${minor}` !== device) continue;
    const at = (index: number): number => Number(fields[index] ?? 0);
    return {
      ...{ readsMerged: at(1), sectorsRead: at(2), readMs: at(3) },
      ...{ writesMerged: at(5), sectorsWritten: at(6), writeMs: at(7) },
      ...{ inProgress: at(8), ioMs: at(9), weightedMs: at(10) },
    };
  }
  return none;
}

/** The same for the device that holds a directory; zeros for file systems without one. Never throws. */
export async function diskIoOf(directory: string): Promise<DiskIo> {
  try {
    const { dev } = await stat(directory, { bigint: true });
    // glibc's way of packing both numbers into one.
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
    return diskIo(await readFile('/proc/diskstats', 'utf8'), `${major}:${minor}`);
  } catch {
    return none; // a kernel without block devices
  }
}
