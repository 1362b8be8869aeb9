import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { writeChecksums } from './executable/checksums.ts';
import { deliver } from './executable/deliver.ts';
import { executableName } from './executable/executable.ts';
import { main as runMain, say } from './lib/log.ts';
import { cacheDir, repoRoot } from './lib/paths.ts';

const fileName = 'kubelet-ts.mjs';

/**
 * Builds the program as one JavaScript file, with koffi's native part beside it in node_modules. Returns the file's path.
 * It needs Node 26 and nothing else. (The executable, which needs no Node: executable/deliver.ts.)
 */
async function buildInto(dir: string): Promise<string> {
  mkdirSync(dir, { recursive: true });
  const outfile = path.join(dir, fileName);
  await build({
    entryPoints: [path.join(repoRoot, 'src/main.ts')],
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    outfile,
    sourcemap: 'linked',
    external: ['koffi'],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  for (const name of nativePackages())
    cpSync(path.join(repoRoot, 'node_modules', name), path.join(dir, 'node_modules', name), { recursive: true });
  return outfile;
}

/** koffi and the package that holds its library for this machine. */
function nativePackages(): string[] {
  const scope = path.join(repoRoot, 'node_modules/@koromix');
  return ['koffi', ...(existsSync(scope) ? readdirSync(scope).map((name) => `@koromix/${name}`) : [])];
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(dir, entry.name);
    return entry.isDirectory() ? filesBelow(file) : [file];
  });
}

/** The bundle of this checkout as it is now, from the cache or built into it: what clusters and tests run. */
export async function cachedBundle(): Promise<string> {
  const hash = createHash('sha256');
  const sources = filesBelow(path.join(repoRoot, 'src'))
    .filter((f) => !f.endsWith('.test.ts'))
    .sort();
  for (const file of [...sources, path.join(repoRoot, 'package-lock.json'), import.meta.filename])
    hash.update(file).update(readFileSync(file));
  const dir = path.join(cacheDir(), 'bundle', hash.digest('hex').slice(0, 16));
  const file = path.join(dir, fileName);
  if (existsSync(file)) return file;
  const temporary = `${dir}.${process.pid}.tmp`;
  await buildInto(temporary);
  try {
    renameSync(temporary, dir);
  } catch {
    rmSync(temporary, { recursive: true, force: true }); // somebody else was faster
  }
  return file;
}

/** Empties `dist` and builds everything into it: the bundle, the executable with what goes with it, the checksums. */
export async function buildAll(dist: string): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  const file = await buildInto(dist);
  await deliver(dist);
  writeChecksums(dist);
  say(`${path.join(dist, executableName)}: runs as it is; the libraries beside it are for machines that lack them`);
  say(`${file}: needs Node 26`);
}

if (import.meta.main) await runMain(() => buildAll(path.join(repoRoot, 'dist')));
