import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isExtendedResource } from '../ledger/rules/measure.ts';
import { errorMessage } from '../lib/errors.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import type { Logger } from '../lib/logger.ts';

/** What a kubelet before this one left on the disk about its device plug-ins. */
export interface PastDevices {
  /** Resources that plug-ins had registered, sorted. Whatever else the Node shows, an administrator or the cluster has put there. */
  readonly resources: readonly string[];
  /** No kubelet ran on this disk before: what the Node object says about devices was another machine's. */
  readonly isNewDisk: boolean;
}

const DIRECTORY = 'device-plugins';
/** The Go kubelet's checkpoint of its device manager. */
const CHECKPOINT = 'kubelet_internal_checkpoint';
/** A node's devices with all their Pods take some hundred KiB. */
const MAX_BYTES = 16 * 2 ** 20;

/**
 * Reads `<root>/device-plugins`. Rejects never: a checkpoint that cannot be read is told to the log and counts as empty, as in the Go
 * kubelet.
 */
export async function readPastDevices(rootDir: string, log: Logger): Promise<PastDevices> {
  const path = join(rootDir, DIRECTORY, CHECKPOINT);
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_BYTES}`);
    return { resources: registered(await readFile(path, 'utf8')), isNewDisk: false };
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return { resources: [], isNewDisk: await isNew(rootDir) };
    const problem = { path, error: errorMessage(error) };
    log.error(
      'The checkpoint of device plug-ins cannot be read; their resources keep the numbers that the Node shows',
      problem,
    );
    return { resources: [], isNewDisk: false };
  }
}

/** Leaves the mark that a kubelet has registered from this disk: the directory, which every kubelet makes. */
export async function markDisk(rootDir: string): Promise<void> {
  await mkdir(join(rootDir, DIRECTORY), { recursive: true, mode: 0o750 });
}

/**
 * The Go kubelet takes a directory without files as a new disk; but its own socket lies there by the time it asks, so that it keeps
 * over its restarts what an administrator advertises. So do we.
 */
async function isNew(rootDir: string): Promise<boolean> {
  return stat(join(rootDir, DIRECTORY)).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

function registered(text: string): string[] {
  const { Data } = JSON.parse(text) as { Data?: { RegisteredDevices?: unknown } | null };
  const devices = Data?.RegisteredDevices ?? {};
  if (typeof devices !== 'object') throw new Error('Data.RegisteredDevices is no object');
  return Object.keys(devices).filter(isExtendedResource).sort();
}
