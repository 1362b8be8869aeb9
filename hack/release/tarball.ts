import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { PROGRAM_VERSION } from '../../src/config/version.ts';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { payload, writePayload } from './payload.ts';

/** Writes the archive with its install script into `out`; `work` is an empty directory. Returns the archive's path. */
export async function makeTarball(dist: string, work: string, out: string, epoch: number): Promise<string> {
  const name = `kubelet-ts-${PROGRAM_VERSION}-linux-amd64`;
  const top = path.join(work, name);
  writePayload(payload(dist), path.join(top, 'root'));
  mkdirSync(path.join(top, 'libraries'));
  for (const file of readdirSync(dist).filter((each) => /\.so\b/.test(each))) {
    copyFileSync(path.join(dist, file), path.join(top, 'libraries', file));
  }
  copyFileSync(path.join(repoRoot, 'packaging/install.sh'), path.join(top, 'install.sh'));
  const archive = path.join(out, `${name}.tar.xz`);
  const same = ['--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner', '--mode=go-w'];
  await run('tar', [...same, '-I', 'xz -T1 -2', '-cf', archive, '-C', work, name]);
  return archive;
}
