import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { repoRoot } from '../lib/paths.ts';
import { replaceFile, replacePackages, shortNames, withoutUnusedParsers } from './bundlePlugins.ts';

/** What takes the place of a package; each of these files says why. */
const replacements = {
  koffi: { file: 'src/lib/linux/embeddedKoffi.ts' },
  undici: { file: 'hack/executable/undici.cjs' },
  '@grpc/proto-loader': { file: 'hack/executable/protoLoader.cjs' },
  '@opentelemetry/api': { file: 'hack/executable/opentelemetry.cjs', within: 'prom-client' },
};

/** What both scripts of the executable have in common. */
const commonOptions = {
  // Paths in the result are relative to it: a build elsewhere gives the same bytes.
  absWorkingDir: repoRoot,
  bundle: true,
  platform: 'node',
  target: 'node26',
  // As a CommonJS script the executable starts in half the time that it needs as a module.
  format: 'cjs',
  // Names stay, so that stack traces can be read; the rest is memory.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none', // licenses.txt has them in full
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** How the sources become the one script that the executable runs. */
const scriptOptions = {
  ...commonOptions,
  entryPoints: ['src/main.ts'],
  plugins: [
    replacePackages(replacements),
    replaceFile('src/tracing/entry.ts', 'src/tracing/embeddedEntry.ts'),
    withoutUnusedParsers,
    shortNames,
  ],
  // libuv reads it when the first work is queued, and a kubelet has many mounts and file reads under way.
  banner: { js: "process.env.UV_THREADPOOL_SIZE??='16';" },
  sourcemap: 'external',
} as const satisfies BuildOptions;

/** Tracing, which few agents load: a script of its own, so that the others do not hold its text in memory. */
const tracingOptions = {
  ...commonOptions,
  entryPoints: ['src/tracing/entry.ts'],
  external: ['@grpc/grpc-js'],
  plugins: [shortNames],
} as const satisfies BuildOptions;

/**
 * Writes the script to `outfile`, with a source map beside it, and what it loads of it only where tracing is configured to `tracing`.
 * Returns the names of the npm packages that are in them.
 */
export async function bundleScript(outfile: string, tracing: string): Promise<string[]> {
  const built = [await build({ ...scriptOptions, outfile }), await build({ ...tracingOptions, outfile: tracing })];
  for (const file of [outfile, tracing]) refuseWideText(readFileSync(file, 'utf8'));
  return [...new Set(built.flatMap(({ metafile }) => packagesIn(metafile)))].sort();
}

/**
 * V8 keeps the script in memory, one byte a character if all of them are in Latin-1, else two. esbuild escapes what stands in strings, but
 * not in regular expressions. Throws with the place of the first such character.
 */
export function refuseWideText(script: string): void {
  const at = script.search(/[^\0-\x7f]/);
  if (at < 0) return;
  const around = JSON.stringify(script.slice(Math.max(0, at - 40), at + 40));
  throw new Error(`the script has a character outside ASCII, which doubles its memory; write it as \\uXXXX: ${around}`);
}

function packagesIn({ inputs }: Metafile): string[] {
  const modules = path.join(realpathSync(path.join(repoRoot, 'node_modules')), '/');
  const names = Object.keys(inputs).flatMap((input) => {
    const file = path.resolve(repoRoot, input);
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(file.startsWith(modules) ? file.slice(modules.length) : '');
    return name ? [name[0]] : [];
  });
  return [...new Set(names)].sort();
}
