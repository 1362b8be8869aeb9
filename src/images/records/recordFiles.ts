import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { goSystemError } from '../../k8s/goText.ts';
import { directoryEntries } from '../../lib/linux/directoryEntries.ts';
import { readBoundedIfThere } from '../../lib/readBounded.ts';
import { DRAFT_SUFFIX, writeAtomically } from '../../lib/writeAtomically.ts';

/** Intents to pull, and what was pulled. */
export type RecordKind = 'pulling' | 'pulled';

/** Files of records, by kind and name; the real ones below, and tests break them off in between. */
export interface RecordFiles {
  /** Names of whole records. Removes what a writer that was killed left of others. */
  list(kind: RecordKind): Promise<string[]>;
  /** The text; undefined if there is none. Rejects for more than 1 MiB. */
  read(kind: RecordKind, name: string): Promise<string | undefined>;
  /** Whole or not at all; on the disk when it resolves. */
  write(kind: RecordKind, name: string, text: string): Promise<void>;
  remove(kind: RecordKind, name: string): Promise<void>;
}

const PREFIX = 'sha256-';
const MAX_BYTES = 1024 * 1024;

/** The file of an image's intent, or of an image id's record: names of images hold what names of files cannot. */
export function recordName(key: string): string {
  return `${PREFIX}${createHash('sha256').update(key).digest('hex')}`;
}

/** Kubelet's own places: `<root>/image_manager/pulling` and `pulled`. Makes them, for root alone. Rejects with a system error. */
export async function recordFiles(rootDir: string): Promise<RecordFiles> {
  const directory = (kind: RecordKind) => join(rootDir, 'image_manager', kind);
  const pathOf = (kind: RecordKind, name: string) => join(directory(kind), name);
  for (const kind of ['pulling', 'pulled'] as const) await mkdir(directory(kind), { recursive: true, mode: 0o700 });
  return {
    async list(kind) {
      const found: string[] = [];
      for await (const batch of directoryEntries(directory(kind))) {
        for (const { name: bytes, isDirectory } of batch) {
          const name = bytes.toString('latin1');
          if (!name.startsWith(PREFIX)) continue;
          // A directory in a record's place is one that cannot be read: better than that it were not there.
          if (!name.endsWith(DRAFT_SUFFIX)) found.push(name);
          else if (!isDirectory) await rm(pathOf(kind, name), { force: true });
        }
      }
      return found;
    },
    async read(kind, name) {
      return (await readBoundedIfThere(pathOf(kind, name), MAX_BYTES))?.toString('utf8');
    },
    async write(kind, name, text) {
      const path = pathOf(kind, name);
      await writeAtomically(path, text).catch((error) => {
        throw new Error(goSystemError('open', error, path), { cause: error });
      });
    },
    remove: (kind, name) => rm(pathOf(kind, name), { force: true }),
  };
}
