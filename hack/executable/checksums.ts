import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The name of the file with the checksums. */
export const checksumsName = 'SHA256SUMS';

/** Writes SHA256SUMS into a directory, for every file below it, as `sha256sum -c` reads it. */
export function writeChecksums(directory: string): void {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name !== checksumsName && statSync(path.join(directory, name)).isFile())
    .sort();
  const lines = names.map((name) => `${sha256Of(path.join(directory, name))}  ${name}\n`);
  writeFileSync(path.join(directory, checksumsName), lines.join(''));
}

/** In hex; the whole file is read into memory. */
export function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
