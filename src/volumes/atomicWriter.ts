import { randomInt } from 'node:crypto';
import syncFs from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoCode, ignoring } from '../lib/linux/linuxError.ts';
import { inGroups } from '../lib/settleAll.ts';
import type { FileProjection, Payload } from './rules/payload.ts';
import { checkedPayload } from './rules/payloadPath.ts';

/** The calls the writer makes, so that a test can stop it between any two. */
export type WriterFs = Pick<typeof nodeFs, (typeof CALLS)[number]>;

export interface AtomicWriteOptions {
  /** Group that gets read access to every file (fsGroup). */
  readonly group?: number;
  readonly fs?: WriterFs;
}

const CALLS = [
  'chmod',
  'lchown',
  'lstat',
  'mkdir',
  'readdir',
  'readFile',
  'readlink',
  'rename',
  'rm',
  'symlink',
  'unlink',
  'writeFile',
] as const;

/**
 * The calls without a trip to a thread, for small payloads on a tmpfs: they wait for no device, and all of them together cost the event
 * loop less (some tenths of a millisecond) than starting their asynchronous forms would.
 */
export const memoryFs = Object.fromEntries(
  CALLS.map((name) => [
    name,
    async (...args: unknown[]) => (syncFs[`${name}Sync`] as (...args: unknown[]) => unknown)(...args),
  ]),
) as WriterFs;

const DATA = '..data';
const NEXT = '..data_tmp';
const VERSION = /^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+$/;
const PARALLEL = 8;
const GROUP_READ_FILE = 0o440;
const GROUP_DIRECTORY = 0o2550;

/**
 * Makes the directory show exactly the payload, in one step for readers. Layout as every Kubernetes user knows it:
 *
 *     name → ..data/name      ..data → ..2026_01_01_00_00_00.123/      ..2026_01_01_00_00_00.123/name
 *
 * The switch is one rename of `..data`; names that are new appear after it, names that are gone vanish after it. Resolves to false
 * and writes nothing when content and modes are equal already. A call after a crash at any point completes what was begun and
 * removes what was left over. The caller runs one call at a time per directory.
 */
export async function writeAtomically(
  target: string,
  payload: Payload,
  options: AtomicWriteOptions = {},
): Promise<boolean> {
  const fs = options.fs ?? nodeFs;
  const files = new Map<string, FileProjection>();
  for (const [path, file] of checkedPayload(payload)) files.set(path, granted(file, options.group));
  const names = await fs.readdir(target);
  let current = names.includes(DATA) ? await fs.readlink(join(target, DATA)) : undefined;
  const changed = current === undefined || !(await isEqual(fs, join(target, current), files));
  if (changed) {
    const version = await writeVersion(fs, target, files, options.group);
    await ignoring(['ENOENT'], () => fs.unlink(join(target, NEXT)));
    await fs.symlink(version, join(target, NEXT));
    await fs.rename(join(target, NEXT), join(target, DATA));
    current = version;
  }
  await linkNames(fs, target, names, files);
  await removeStale(fs, target, names, files, current!);
  return changed;
}

/** fsGroup members may read, whatever the mode says (mask 0440 of read-only volumes in the Go kubelet's volume_linux.go). */
function granted(file: FileProjection, group: number | undefined): FileProjection {
  return group === undefined ? file : { ...file, mode: file.mode | GROUP_READ_FILE };
}

async function isEqual(fs: WriterFs, directory: string, files: Payload): Promise<boolean> {
  let found: string[];
  try {
    const entries = await fs.readdir(directory, { recursive: true, withFileTypes: true });
    found = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
  if (found.length !== files.size) return false;
  for (const path of found) {
    const file = files.get(path);
    if (!file) return false;
    const stats = await fs.lstat(join(directory, path));
    if (stats.size !== file.bytes.byteLength || (stats.mode & 0o7777) !== file.mode) return false;
    if (!(await fs.readFile(join(directory, path))).equals(file.bytes)) return false;
  }
  return true;
}

/** Writes all files below a new hidden directory and returns its name. */
async function writeVersion(fs: WriterFs, target: string, files: Payload, group: number | undefined): Promise<string> {
  const name = versionName(new Date());
  const root = join(target, name);
  const directories = new Set<string>([root]);
  for (const path of files.keys()) {
    const missing: string[] = [];
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) missing.unshift(join(root, parent));
    for (const directory of missing) directories.add(directory);
  }
  for (const directory of directories) {
    await fs.mkdir(directory, 0o755);
    if (group !== undefined) await fs.lchown(directory, -1, group);
    // Users other than root must get through whatever the umask is.
    await fs.chmod(directory, group === undefined ? 0o755 : 0o755 | GROUP_DIRECTORY);
  }
  await inGroups([...files], PARALLEL, ([path, file]) => writeOne(fs, join(root, path), file, group));
  return name;
}

async function writeOne(fs: WriterFs, path: string, file: FileProjection, group: number | undefined): Promise<void> {
  // Closed to others until owner and mode are right.
  await fs.writeFile(path, file.bytes, { mode: file.mode & 0o600, flag: 'wx' });
  if (file.owner !== undefined || group !== undefined) await fs.lchown(path, file.owner ?? -1, group ?? -1);
  await fs.chmod(path, file.mode);
}

async function linkNames(fs: WriterFs, target: string, present: readonly string[], files: Payload): Promise<void> {
  const missing = new Set<string>();
  const known = new Set(present);
  // Something of that name that is no link of ours is a mount point that another volume needs here; it stays.
  for (const path of files.keys()) if (!known.has(topName(path))) missing.add(topName(path));
  // Owned as the directory is, whoever owns the file: of links in a directory that all may write to, the kernel follows no others
  // (fs.protected_symlinks) but for their owner; root in the Pod could not read its token.
  await inGroups([...missing], PARALLEL, (name) => fs.symlink(join(DATA, name), join(target, name)));
}

/** Removes links to names that are gone, versions other than the current one, and a half-made switch. */
async function removeStale(
  fs: WriterFs,
  target: string,
  present: readonly string[],
  files: Payload,
  current: string,
): Promise<void> {
  const wanted = new Set([...files.keys()].map(topName));
  for (const name of present) {
    const path = join(target, name);
    if (name === DATA || name === current || wanted.has(name)) continue;
    if (name === NEXT) await ignoring(['ENOENT'], () => fs.unlink(path));
    else if (VERSION.test(name)) await fs.rm(path, { recursive: true, force: true });
    else if (await isOwnLink(fs, path, name)) await ignoring(['ENOENT'], () => fs.unlink(path));
  }
}

async function isOwnLink(fs: WriterFs, path: string, name: string): Promise<boolean> {
  const link = await ignoring(['EINVAL', 'ENOENT'], () => fs.readlink(path));
  return link === join(DATA, name);
}

const topName = (path: string): string => path.split('/', 1)[0]!;

function versionName(now: Date): string {
  const [date, time] = now.toISOString().split('T') as [string, string];
  const stamp = `${date.replaceAll('-', '_')}_${time.slice(0, 8).replaceAll(':', '_')}`;
  return `..${stamp}.${randomInt(1_000_000_000, 4_000_000_000)}`;
}
