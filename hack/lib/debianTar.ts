import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { ensurePackages } from './apt.ts';
import { step } from './log.ts';
import { cacheDir } from './paths.ts';
import { run } from './run.ts';

/** A minimal Debian with these packages installed, as a tar file in the cache: one or two minutes, once for each list. */
export async function debianTar(suite: string, packages: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(packages.join()).digest('hex').slice(0, 12);
  const file = path.join(cacheDir(), 'roots', `${suite}-${hash}.tar`);
  if (existsSync(file)) return file;
  await ensurePackages(['mmdebstrap', 'debian-archive-keyring']);
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp.tar`;
  await step(`Debian ${suite} with ${packages.length} packages`, (note) =>
    run('mmdebstrap', ['--variant=minbase', `--include=${packages.join()}`, suite, temporary], { onLine: note }),
  );
  renameSync(temporary, file);
  return file;
}
