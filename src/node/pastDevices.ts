import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const DIRECTORY = 'device-plugins';
/** Beside the sockets of device plug-ins until the Node was registered from this disk. */
const MARK = '.not-registered-yet';

/**
 * Whether no kubelet has registered from this disk before: what the Node object says about devices was another machine's then.
 *
 * The Go kubelet takes a directory without files as a new disk; but its own socket lies there by the time it asks, so that it keeps
 * over its restarts what an administrator advertises. So do we. Rejects never.
 */
export async function isNewDisk(rootDir: string): Promise<boolean> {
  return (await isAbsent(join(rootDir, DIRECTORY))) || !(await isAbsent(join(rootDir, DIRECTORY, MARK)));
}

/** The directory is made, for plug-ins, before the Node is registered: a kill between the two must not make the disk an old one. */
export async function markNew(rootDir: string): Promise<void> {
  await mkdir(join(rootDir, DIRECTORY), { recursive: true, mode: 0o750 });
  await writeFile(join(rootDir, DIRECTORY, MARK), '');
}

/** Leaves the mark that a kubelet has registered from this disk: the directory, which every kubelet makes. */
export async function markDisk(rootDir: string): Promise<void> {
  await mkdir(join(rootDir, DIRECTORY), { recursive: true, mode: 0o750 });
  await rm(join(rootDir, DIRECTORY, MARK), { force: true });
}

/** What cannot be said counts as there. */
async function isAbsent(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}
