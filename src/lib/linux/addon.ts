import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { errorMessage } from '../errors.ts';

/** Where a file can be made and mapped as a program; /tmp is mounted noexec on hardened machines, and / may be read-only. */
const DIRECTORIES = [tmpdir(), '/var/lib/kubelet', '/var/tmp', '/dev/shm'];

/**
 * Loads a native addon from memory: it is written into a new directory that only this user can enter, loaded, and removed again.
 * Synchronous, 2 ms a megabyte. Throws when none of the directories allows it, with what each of them said.
 */
export function loadAddon(bytes: Uint8Array, directories: readonly string[] = DIRECTORIES): unknown {
  const problems: string[] = [];
  for (const parent of directories) {
    let directory: string | undefined;
    try {
      directory = mkdtempSync(path.join(parent, 'kubelet-ts-'));
      const file = path.join(directory, 'addon.node');
      writeFileSync(file, bytes, { mode: 0o500 });
      const module = { exports: {} };
      process.dlopen(module, file);
      return module.exports;
    } catch (error) {
      problems.push(`${parent}: ${errorMessage(error)}`);
    } finally {
      if (directory) rmSync(directory, { recursive: true, force: true });
    }
  }
  throw new Error(
    `no directory for loading the native addon (set TMPDIR to one that allows programs): ${problems.join('; ')}`,
  );
}
