import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { ensurePackages } from '../lib/apt.ts';
import { step } from '../lib/log.ts';
import { cacheDir } from '../lib/paths.ts';
import { run } from '../lib/run.ts';

/** Root directories with as little as possible in them: two Debians without any package of choice, and glibc alone. */
export const ROOTS = ['bookworm', 'trixie', 'glibc'] as const;
export type RootName = (typeof ROOTS)[number];

/** Fills `directory` with a root. Debian's are kept as archives in the cache; the first time they are downloaded. */
export async function makeRoot(name: RootName, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  if (name !== 'glibc') {
    await run('tar', ['-xf', await archive(name), '-C', directory]);
    return;
  }
  const debian = `${directory}.debian`;
  await makeRoot('bookworm', debian);
  copyGlibc(debian, directory);
  rmSync(debian, { recursive: true, force: true });
}

async function archive(suite: string): Promise<string> {
  const file = path.join(cacheDir(), 'roots', `${suite}-minbase.tar`);
  if (existsSync(file)) return file;
  await ensurePackages(['mmdebstrap']);
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tar`;
  await step(`${suite} with nothing installed`, (note) =>
    run('mmdebstrap', ['--variant=minbase', suite, temporary], { onLine: note }),
  );
  renameSync(temporary, file);
  return file;
}

/** What the package libc6 holds, and nothing else. */
function copyGlibc(debian: string, directory: string): void {
  const list = readFileSync(path.join(debian, 'var/lib/dpkg/info/libc6:amd64.list'), 'utf8').trim().split('\n');
  for (const file of list) {
    const from = path.join(debian, file);
    if (!lstatSync(from, { throwIfNoEntry: false }) || statSync(from, { throwIfNoEntry: false })?.isDirectory())
      continue;
    const to = path.join(directory, file);
    mkdirSync(path.dirname(to), { recursive: true });
    cpSync(from, to, { verbatimSymlinks: true });
  }
}
