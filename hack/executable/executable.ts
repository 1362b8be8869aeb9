import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ensurePackages } from '../lib/apt.ts';
import { step } from '../lib/log.ts';
import { repoRoot } from '../lib/paths.ts';
import { run, which } from '../lib/run.ts';
import { bundleScript } from './bundle.ts';
import { nodeBinary } from './nodeBinary.ts';

/** The file's name in `dist` and on a node. */
export const executableName = 'kubelet-ts';

/**
 * Options of V8 in the executable. Young objects get 1 MiB instead of 16: on a busy node that saves 24 MB of memory, and no
 * processor time is lost that could be measured. The builder needs the same ones: V8 refuses a code cache made with others.
 */
const v8Options = ['--max-semi-space-size=1'];

/** What the executable is for and made of. */
export interface Target {
  /** Node's binary for the target. */
  readonly node: string;
  /** koffi.node for the target. */
  readonly koffi: string;
  /** The program that takes the symbol tables out of the target's binaries. */
  readonly strip: string;
  /** V8's code cache can be made on a machine of the target's kind only. */
  readonly codeCache: boolean;
}

function thisMachine(): Target {
  const koffi = `node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`;
  return { node: nodeBinary().file, koffi: path.join(repoRoot, koffi), strip: 'strip', codeCache: true };
}

/** The configuration of Node's single executable; paths are relative to where the build runs. */
function seaConfig({ koffi, codeCache }: Target): object {
  return {
    main: 'kubelet-ts.cjs',
    mainFormat: 'commonjs',
    executable: 'node',
    output: executableName,
    disableExperimentalSEAWarning: true,
    useCodeCache: codeCache,
    execArgv: v8Options,
    assets: { 'koffi.node': koffi, 'tracing.cjs': 'tracing.cjs' },
  };
}

/**
 * Writes `kubelet-ts` and its source map into `directory`: Node without its symbol tables, the bundle with V8's code cache, koffi's
 * native part, and tracing. The same checkout gives the same bytes. Returns the names of the npm packages in it.
 */
export async function buildExecutable(directory: string, target: Target = thisMachine()): Promise<string[]> {
  if (!(await which('patchelf')) || !(await which('strip'))) await ensurePackages(['binutils', 'patchelf']);
  const work = mkdtempSync(path.join(directory, '.executable-'));
  try {
    return await step('executable', async () => {
      const packages = await bundleScript(path.join(work, 'kubelet-ts.cjs'), path.join(work, 'tracing.cjs'));
      await run(target.strip, ['-o', path.join(work, 'node'), target.node]);
      writeFileSync(path.join(work, 'sea.json'), JSON.stringify(seaConfig(target)));
      // The seed orders names in the code cache; V8 does not compare it when the cache is read, so hashes stay random at run time.
      await run(nodeBinary().file, [...v8Options, '--random-seed=1', '--build-sea', 'sea.json'], {
        cwd: work,
        env: { NODE_OPTIONS: '' },
      });
      const file = path.join(work, executableName);
      // After the injection: it does not keep what patchelf has moved.
      await run('patchelf', ['--set-rpath', '$ORIGIN', file]);
      chmodSync(file, 0o755);
      renameSync(file, path.join(directory, executableName));
      renameSync(path.join(work, 'kubelet-ts.cjs.map'), path.join(directory, 'kubelet-ts.cjs.map'));
      return packages;
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
