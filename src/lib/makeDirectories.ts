import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory and all above it that are missing; one that is there is left as it is. Rejects with the file system's error. Node's own
 * `recursive` never settles, and holds one of the process's few threads for ever, where the kernel makes no directory although the parent
 * exists, as below /proc. So this is for paths that others choose.
 */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  const missing: string[] = [];
  let at = resolve(path);
  while (!(await made(at, mode))) {
    missing.push(at);
    at = dirname(at);
  }
  for (const next of missing.reverse()) if (!(await made(next, mode))) await mkdir(next, { mode });
}

/** False: its parent is not there. */
async function made(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && path !== dirname(path)) return false;
    const known = await stat(path).catch(() => undefined);
    if (known?.isDirectory()) return true;
    throw error;
  }
}
