/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system, equal to st_dev of files on it. */
  readonly device: string;
  /** The directory of the file system that forms the root of this mount; not `/` for bind mounts and cgroup namespaces. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** Propagation tags: `shared:5`, `master:2`, … */
  readonly propagation: readonly string[];
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/**
 * Parses /proc/self/mountinfo; with `below` only mounts at or below that path, the other lines are not looked at. A line that does not
 * have the documented shape is an error: guessing could unmount the wrong thing.
 */
export function parseMountInfo(text: string, below?: string): MountEntry[] {
  const lines = text.split('\n');
  if (below === undefined) return lines.filter((line) => line !== '').map(parseLine);
  const encoded = below.replace(/[ \t\n\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  // Some kernels write `#` as it is.
  const needles = [encoded, encoded.replaceAll('\\043', '#')];
  const entries = lines.filter((line) => needles.some((needle) => line.includes(needle))).map(parseLine);
  return entries.filter((entry) => isAtOrBelow(entry, below));
}

/** Mounts at `path` or below it, deepest first, later mounts before earlier ones: the order to unmount them in. */
export function mountsBelow(entries: readonly MountEntry[], path: string): MountEntry[] {
  // The table lists a mount after those it lies upon, so the reverse order is always valid.
  return entries.filter((entry) => isAtOrBelow(entry, path)).reverse();
}

function isAtOrBelow(entry: MountEntry, path: string): boolean {
  return entry.mountPoint === path || entry.mountPoint.startsWith(path.endsWith('/') ? path : `${path}/`);
}

function parseLine(line: string): MountEntry {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const id = Number(fields[0]);
  const parentId = Number(fields[1]);
  if (separator === -1 || fields.length < separator + 4 || !Number.isInteger(id) || !Number.isInteger(parentId)) {
    throw new Error(`mountinfo line is malformed: ${JSON.stringify(line)}`);
  }
  return {
    id,
    parentId,
    device: fields[2]!,
    root: decodeOctal(fields[3]!),
    mountPoint: decodeOctal(fields[4]!),
    options: fields[5]!.split(','),
    propagation: fields.slice(6, separator),
    fsType: fields[separator + 1]!,
    source: decodeOctal(fields[separator + 2]!),
    superOptions: fields
      .slice(separator + 3)
      .join(' ')
      .split(','),
  };
}

/** The kernel writes space, tab, newline and backslash as three octal digits. Bytes above 127 come as they are. */
function decodeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
