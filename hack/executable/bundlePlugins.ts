import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Plugin, transform } from 'esbuild';
import { repoRoot } from '../lib/paths.ts';

/**
 * Shortens the names inside the functions of npm packages: three quarters of the script is theirs, and the script stays in memory.
 * Our own names stay, so that a stack trace can be read.
 */
export const shortNames: Plugin = {
  name: 'short-names',
  setup(build) {
    build.onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8');
      const { code } = await transform(source, {
        minifyIdentifiers: true,
        legalComments: 'none',
        sourcefile: path.basename(file),
      });
      return { contents: code, loader: 'js' };
    });
  },
};

/** Takes other modules, given relative to the checkout, for the packages of exactly these names. */
export function replacePackages(replacements: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'replace-packages',
    setup(build) {
      for (const [name, file] of Object.entries(replacements)) {
        build.onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: path.join(repoRoot, file) }));
      }
    },
  };
}
