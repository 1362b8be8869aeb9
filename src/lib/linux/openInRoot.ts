import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeletError } from '../errors.ts';
import { O_PATH } from './mountId.ts';
import { fdPath, UnsafePathError } from './safePath.ts';

/** Longest path, as the kernel's PATH_MAX: it bounds how many directories are held open at one time too. */
const MAX_LENGTH = 4095;
/** As many symlinks as the kernel follows in one path (path_resolution(7)). */
const MAX_LINKS = 40;

/** A path that was resolved: the O_PATH handle, which the caller closes, and where it lies, links resolved. */
export interface Resolved {
  readonly handle: FileHandle;
  readonly path: string;
}

/** A directory on the way, by its handle, and its name in the one before. */
interface Step {
  readonly handle: FileHandle;
  /** One character a byte (Latin-1), as everywhere below: links may point to names that are no UTF-8. */
  readonly name: string;
}

/**
 * Opens `base/path` with O_PATH as a process whose root is `base` would: symlinks are followed, absolute ones and `..` end at `base`. What
 * Go's securejoin does by the spelling of paths is done on handles here, so that nothing the Pod swaps meanwhile leads out; openat2's
 * RESOLVE_IN_ROOT would be the same and needs Linux 5.6. Errors: UnsafePathError, or the errno of the failed step.
 */
export async function openInRoot(base: string, path: string): Promise<Resolved> {
  if (path.includes('\0')) throw new UnsafePathError('path must not contain a NUL byte');
  const root = await open(base, O_PATH | constants.O_DIRECTORY);
  const steps: Step[] = [{ handle: root, name: '' }];
  try {
    await walk(steps, Buffer.from(path).toString('latin1'), path);
    const last = steps.pop() as Step;
    const names = [...steps.map((step) => step.name), last.name].join('/');
    return { handle: last.handle, path: join(base, Buffer.from(names, 'latin1').toString()) };
  } finally {
    await leave(steps, 0);
  }
}

async function walk(steps: Step[], path: string, shown: string): Promise<void> {
  const names = path.split('/').reverse();
  refuseLength(shown, steps, names);
  for (let links = 0; names.length > 0; ) {
    const name = names.pop() as string;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      await leave(steps, Math.max(1, steps.length - 1));
      continue;
    }
    const at = fdPath((steps.at(-1) as Step).handle, Buffer.from(name, 'latin1'));
    const handle = await open(at, O_PATH | constants.O_NOFOLLOW);
    steps.push({ handle, name });
    if (!(await handle.stat()).isSymbolicLink()) continue;
    if (++links > MAX_LINKS)
      throw new KubeletError(`path ${shown} has more than ${MAX_LINKS} symlinks`, { code: 'ELOOP' });
    // Another link may stand here by now; wherever it leads, its parts are walked from handles like all others.
    const target = await readlink(at, 'latin1');
    await leave(steps, target.startsWith('/') ? 1 : steps.length - 1);
    names.push(...target.split('/').reverse());
    refuseLength(shown, steps, names);
  }
}

function refuseLength(path: string, steps: readonly Step[], names: readonly string[]): void {
  const length = [...steps.map((step) => step.name), ...names].reduce((sum, name) => sum + name.length + 1, 0);
  if (length > MAX_LENGTH)
    throw new KubeletError(`path ${path.slice(0, 80)}… is longer than ${MAX_LENGTH} bytes with its links`, {
      code: 'ENAMETOOLONG',
    });
}

/** Closes what is beyond the first `count` steps. */
async function leave(steps: Step[], count: number): Promise<void> {
  for (const { handle } of steps.splice(count)) await handle.close();
}
