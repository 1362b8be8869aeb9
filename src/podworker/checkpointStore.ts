import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { DRAFT_SUFFIX, writeAtomically } from '../lib/writeAtomically.ts';
import type { CheckpointStore } from './actions/services.ts';
import type { Checkpoint } from './rules/actions.ts';
import { terminationCauses } from './rules/terminationCauses.ts';

const suffix = '.json';

/**
 * One small file per Pod that has something to survive a restart (docs/architecture.md, durable facts). Writes are atomic:
 * a crash leaves the old file or the new one.
 */
export class FileCheckpoints implements CheckpointStore {
  readonly #dir: string;
  readonly #saving = new Map<string, Promise<void>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const write = writeAtomically(this.#path(checkpoint.uid), JSON.stringify(checkpoint));
    this.#saving.set(checkpoint.uid, write);
    try {
      await write;
    } finally {
      if (this.#saving.get(checkpoint.uid) === write) this.#saving.delete(checkpoint.uid);
    }
  }

  /** Removes the Pod's checkpoint, also one that is being written just now. */
  async remove(uid: string): Promise<void> {
    await this.#saving.get(uid)?.catch(() => {}); // whoever saves hears of the failure
    await rm(this.#path(uid), { force: true });
  }

  async list(): Promise<string[]> {
    const files = await readdir(this.#dir).catch(() => [] as string[]);
    return files.flatMap((file) => uidOf(file) ?? []);
  }

  /** All checkpoints by UID. A file that cannot be read is told, removed and forgotten: its Pod goes on without it. */
  async load(log: Logger): Promise<Map<string, Checkpoint>> {
    const found = new Map<string, Checkpoint>();
    for (const file of await readdir(this.#dir).catch(() => [] as string[])) {
      if (file.endsWith(`${suffix}${DRAFT_SUFFIX}`)) await rm(join(this.#dir, file), { force: true }); // its writer was killed
      if (!file.endsWith(suffix)) continue;
      try {
        const checkpoint = JSON.parse(await readFile(join(this.#dir, file), 'utf8')) as Checkpoint;
        if (typeof checkpoint.uid !== 'string' || typeof checkpoint.preStop !== 'object')
          throw new Error('not a checkpoint');
        const cause = checkpoint.termination?.cause;
        if (cause !== undefined && !Object.hasOwn(terminationCauses, cause))
          throw new Error(`the Pod was to be ended for a cause that this version does not know: ${cause}`);
        found.set(checkpoint.uid, checkpoint);
      } catch (error) {
        log.warn('a Pod checkpoint cannot be used and is removed', { file, error: errorMessage(error) });
        await rm(join(this.#dir, file), { force: true });
      }
    }
    return found;
  }

  #path(uid: string): string {
    return join(this.#dir, encodeURIComponent(uid) + suffix);
  }
}

/** The UID that a file is named for: UIDs of Pods that only the runtime knows may hold anything. Undefined for other files. */
function uidOf(file: string): string | undefined {
  if (!file.endsWith(suffix)) return undefined;
  try {
    return decodeURIComponent(file.slice(0, -suffix.length));
  } catch {
    return undefined;
  }
}

/** Where the notes of all Pods lie. */
export function checkpointDir(rootDir: string): string {
  return join(rootDir, 'kubelet-ts', 'pods');
}
