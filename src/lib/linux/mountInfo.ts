import { bytesOf, isAtOrBelow, type PathBytes } from './pathBytes.ts';

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system, equal to st_dev of files on it. */
  readonly device: string;
  /** The directory of the file system that forms the root of this mount; not `/` for bind mounts and cgroup namespaces. */
  readonly root: string;
  /** As text, to show it or to compare it with names of ours: what is no UTF-8 in it is lost. */
  readonly mountPoint: string;
  /** The same in full, for system calls: a container chooses the names of what it mounts. */
  readonly mountPath: Buffer;
  readonly options: readonly string[];
  /** Propagation tags: `shared:5`, `master:2`, … */
  readonly propagation: readonly string[];
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/**
 * Parses /proc/self/mountinfo, best given as the bytes it is; with `below` only mounts at or below that path, the other lines are not looked at. A line that does not
 * have the documented shape is an error: guessing could unmount the wrong thing.
 */
export function parseMountInfo(content: PathBytes, below?: PathBytes): MountEntry[] {
  // In Latin-1 every byte is one character, so nothing is lost until a field is decoded.
  const lines = bytesOf(content).toString('latin1').split('\n');
  if (below === undefined) return lines.filter((line) => line !== '').map(parseLine);
  const encoded = bytesOf(below)
    .toString('latin1')
    .replace(/[ \t\n\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  // Some kernels write `#` as it is.
  const needles = [encoded, encoded.replaceAll('\\043', '#')];
  const entries = lines.filter((line) => needles.some((needle) => line.includes(needle))).map(parseLine);
  return entries.filter((entry) => isAtOrBelow(entry.mountPath, below));
}

/** Mounts at `path` or below it, deepest first, later mounts before earlier ones: the order to unmount them in. */
export function mountsBelow(entries: readonly MountEntry[], path: PathBytes): MountEntry[] {
  // The table lists a mount after those it lies upon, so the reverse order is always valid.
  return entries.filter((entry) => isAtOrBelow(entry.mountPath, path)).reverse();
}

function parseLine(line: string): MountEntry {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const id = Number(fields[0]);
  const parentId = Number(fields[1]);
  if (separator === -1 || fields.length < separator + 4 || !Number.isInteger(id) || !Number.isInteger(parentId)) {
    throw new Error(`mountinfo line is malformed: ${JSON.stringify(line)}`);
  }
  const mountPath = decodeOctal(fields[4]!);
  return {
    id,
    parentId,
    device: fields[2]!,
    root: decodeOctal(fields[3]!).toString(),
    mountPoint: mountPath.toString(),
    mountPath,
    options: fields[5]!.split(','),
    propagation: fields.slice(6, separator),
    fsType: fields[separator + 1]!,
    source: decodeOctal(fields[separator + 2]!).toString(),
    superOptions: fields
      .slice(separator + 3)
      .join(' ')
      .split(','),
  };
}

/** The kernel writes space, tab, newline and backslash as three octal digits. Bytes above 127 come as they are. */
function decodeOctal(field: string): Buffer {
  const bytes = field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return Buffer.from(bytes, 'latin1');
}
