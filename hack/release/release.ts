// npm run release: what `npm run build` makes, and of it a tarball with an install script, a Debian package, an OCI image and kubectl's plug-in, in dist/release.
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildAll } from '../build.ts';
import { writeChecksums } from '../executable/checksums.ts';
import { ensurePackages } from '../lib/apt.ts';
import { main, say, step } from '../lib/log.ts';
import { repoRoot } from '../lib/paths.ts';
import { run, which } from '../lib/run.ts';
import { makeDeb } from './deb.ts';
import { makeKubectlPlugin } from './kubectlPlugin.ts';
import { makeOciImage } from './ociImage.ts';
import { makeTarball } from './tarball.ts';

await main(async () => {
  const dist = path.join(repoRoot, 'dist');
  if (!(await which('xz'))) await ensurePackages(['xz-utils']);
  await buildAll(dist);
  const out = path.join(dist, 'release');
  mkdirSync(out);
  // The time of the commit stands for that of every file: the same commit gives the same bytes.
  const epoch = Number(await run('git', ['-C', repoRoot, 'log', '-1', '--format=%ct']));
  const work = mkdtempSync(path.join(tmpdir(), 'kubelet-ts-release-'));
  try {
    const files = [
      await step('tarball', () => makeTarball(dist, mkdtempSync(path.join(work, 'tarball-')), out, epoch)),
      await step('Debian package', () => makeDeb(dist, mkdtempSync(path.join(work, 'deb-')), out, epoch)),
      await step('OCI image', () => makeOciImage(dist, mkdtempSync(path.join(work, 'image-')), out, epoch)),
      await step('kubectl plug-in', () => makeKubectlPlugin(mkdtempSync(path.join(work, 'plugin-')), out, epoch)),
    ];
    writeChecksums(out);
    for (const file of files) say(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
