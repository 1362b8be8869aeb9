import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { inRoot } from '../executable/bareAgent.ts';
import { debianTar } from '../lib/debianTar.ts';
import { run, tryRun } from '../lib/run.ts';

/** Runs Debian's lintian over a package, in a Debian of its own below `work`. Throws with what it calls an error; returns its other remarks. */
export async function lintian(deb: string, work: string): Promise<string> {
  const root = path.join(work, 'root');
  mkdirSync(root);
  await run('tar', ['-xf', await debianTar('bookworm', ['lintian']), '-C', root]);
  copyFileSync(deb, path.join(root, path.basename(deb)));
  const command = [
    'lintian',
    '--allow-root',
    '--fail-on',
    'error',
    '--tag-display-limit',
    '0',
    `/${path.basename(deb)}`,
  ];
  const [program = '', ...args] = inRoot(root, command);
  const env = { LC_ALL: 'C.UTF-8', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const { code, stdout, stderr } = await tryRun(program, args, { env });
  const errors = stdout.split('\n').filter((line) => line.startsWith('E: '));
  if (code !== 0 || errors.length > 0) throw new Error([...errors, stderr].join('\n') || stdout);
  return stdout.trim();
}
