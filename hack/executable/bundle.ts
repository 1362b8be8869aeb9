import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { repoRoot } from '../lib/paths.ts';
import { replacePackages, shortNames, withoutUnusedParsers } from './bundlePlugins.ts';

/** What takes the place of a package; each of these files says why. */
const replacements = {
  koffi: { file: 'src/lib/linux/embeddedKoffi.ts' },
  undici: { file: 'hack/executable/undici.cjs' },
  '@grpc/proto-loader': { file: 'hack/executable/protoLoader.cjs' },
  '@opentelemetry/api': { file: 'hack/executable/opentelemetry.cjs', within: 'prom-client' },
};

/** How the sources become the one script of the executable. */
const bundleOptions = {
  entryPoints: ['src/main.ts'],
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
  plugins: [replacePackages(replacements), withoutUnusedParsers, shortNames],
  // libuv reads it when the first work is queued, and a kubelet has many mounts and file reads under way.
  banner: { js: "process.env.UV_THREADPOOL_SIZE??='16';" },
  sourcemap: 'external',
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Writes the script to `outfile`, with a source map beside it. Returns the names of the npm packages that are in it. */
export async function bundleScript(outfile: string): Promise<string[]> {
  const { metafile } = await build({ ...bundleOptions, outfile });
  refuseWideText(readFileSync(outfile, 'utf8'));
  return packagesIn(metafile);
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
