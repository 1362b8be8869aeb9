import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What `writeAtomically` adds to a file's name while it writes; one that is left over belongs to a writer that was killed. */
export const DRAFT_SUFFIX = '.tmp';

/**
 * Writes a file so that a crash leaves the old one or the new one, whole: under another name, flushed to the disk (fsync), then renamed.
 * Makes the directory (0o700) if it is not there. For one writer at a time.
 */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const draft = `${path}${DRAFT_SUFFIX}`;
  try {
    await writeFile(draft, text, { mode, flush: true });
  } catch {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(draft, text, { mode, flush: true });
  }
  try {
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
