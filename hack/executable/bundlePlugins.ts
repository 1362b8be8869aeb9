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

/** A module, relative to the checkout, in place of a package: for everybody, or only for what the package `within` asks for. */
export interface Replacement {
  readonly file: string;
  readonly within?: string;
}

/** Takes other modules for the packages of exactly these names. */
export function replacePackages(replacements: Readonly<Record<string, Replacement>>): Plugin {
  return {
    name: 'replace-packages',
    setup(build) {
      for (const [name, { file, within }] of Object.entries(replacements)) {
        build.onResolve({ filter: new RegExp(`^${name}$`) }, ({ importer }) =>
          within && !importer.includes(`/node_modules/${within}/`) ? undefined : { path: path.join(repoRoot, file) },
        );
      }
    },
  };
}

/** Takes another of our modules for one of them, wherever it is asked for; both relative to the checkout. */
export function replaceFile(file: string, by: string): Plugin {
  return {
    name: `replace-${path.basename(file)}`,
    setup(build) {
      build.onResolve({ filter: new RegExp(`/${path.basename(file)}$`) }, ({ path: asked, resolveDir }) => {
        const found = path.join(resolveDir, asked);
        return found === path.join(repoRoot, file) ? { path: path.join(repoRoot, by) } : undefined;
      });
    },
  };
}

/** undici's HTTP/1 parsers in WebAssembly that are not used: one for machines without SIMD (Node 26 runs on none) and the one on trial. */
const UNUSED_PARSERS = /\/undici\/lib\/(?:milo\/(?:no-)?simd|llhttp\/llhttp-wasm)\.js$/;

/** Leaves modules out that are asked for only under conditions that do not come true here: a quarter of a megabyte of text. */
export const withoutUnusedParsers: Plugin = {
  name: 'without-unused-parsers',
  setup(build) {
    build.onLoad({ filter: UNUSED_PARSERS }, ({ path: file }) => {
      const said = `${path.basename(file)} is not in this executable`;
      return { contents: `throw new Error(${JSON.stringify(said)});`, loader: 'js' };
    });
  },
};
