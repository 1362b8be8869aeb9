import path from 'node:path';
import { build } from 'esbuild';
import { repoRoot } from '../lib/paths.ts';

/** Tests that are worth running on a machine with systemd and cgroup v2, by the names of their bundles. */
const tests = { 'cgroups.root': 'src/cgroups/cgroups.root.test.ts' } as const;
export type RootTest = keyof typeof tests;

/** Bundles the tests, each into a file NAME.mjs that runs with Node alone, beside a bundle of the agent (for koffi). */
export async function bundleRootTests(directory: string): Promise<void> {
  for (const [name, file] of Object.entries(tests)) {
    const imports = [path.join(import.meta.dirname, 'jestGlobals.ts'), path.join(repoRoot, file)];
    await build({
      stdin: { contents: imports.map((each) => `import ${JSON.stringify(each)};`).join('\n'), resolveDir: repoRoot },
      bundle: true,
      platform: 'node',
      target: 'node26',
      format: 'esm',
      outfile: path.join(directory, `${name}.mjs`),
      external: ['koffi'],
      banner: {
        // What CommonJS packages in the bundle expect.
        js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url); const __dirname = import.meta.dirname; const __filename = import.meta.filename;",
      },
      logLevel: 'warning',
    });
  }
}

/** The command that runs one of them in the VM. */
export function rootTestCommand(name: RootTest): string {
  return `KUBELET_TS_EMULATED=1 node --test-reporter=spec /opt/kubelet-ts/bundle/${name}.mjs 2>&1`;
}
