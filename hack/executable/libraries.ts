import { copyFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { run } from '../lib/run.ts';

/** A shared library that Node needs and that a machine with nothing but glibc lacks. */
export interface Library {
  /** The name under which the loader asks for it. */
  readonly name: string;
  /** The file on this machine. */
  readonly file: string;
  readonly package: string;
  readonly version: string;
}

const NAMES = ['libatomic.so.1', 'libgcc_s.so.1', 'libstdc++.so.6'];

/** The libraries as Debian installed them on this machine. */
export async function libraries(program: string): Promise<Library[]> {
  const loaded = await run('ldd', [program]);
  return Promise.all(
    NAMES.map(async (name) => {
      const found = loaded.split('\n').find((line) => line.trim().startsWith(`${name} => /`));
      if (!found) throw new Error(`${program} does not load ${name}, which libraries.ts ships with it`);
      const owner = (await run('dpkg-query', ['-S', `*/${name}`])).split(':')[0]!;
      const version = await run('dpkg-query', ['-W', '-f', '${Version}\n', owner]);
      return {
        name,
        file: realpathSync(found.trim().split(' ')[2]!),
        package: owner,
        version: version.split('\n')[0]!,
      };
    }),
  );
}

/** Copies them into a directory: the executable looks beside itself before it looks anywhere else. */
export function copyLibraries(all: readonly Library[], directory: string): void {
  for (const { name, file } of all) copyFileSync(file, path.join(directory, name));
}
