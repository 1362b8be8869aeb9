import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { createLogger } from '../lib/logger.ts';
import { nodeAuths } from './nodeAuths.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'auths-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const entry = (user: string) => ({ 'reg.io': { auth: Buffer.from(`${user}:pw`).toString('base64') } });

test('the first file that can be read counts, and is read again after five minutes', async () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const home = join(dir, 'home');
  await mkdir(join(home, '.docker'), { recursive: true });
  await writeFile(join(dir, 'config.json'), '{"auths": hunter2');
  await writeFile(join(home, '.docker/config.json'), JSON.stringify({ auths: entry('home') }));
  await writeFile(join(dir, '.dockercfg'), JSON.stringify(entry('old')));
  const auths = nodeAuths(dir, clock, createLogger({ write: (line) => lines.push(line) }), home, join(dir, 'nowhere'));
  expect(await auths('reg.io/app')).toEqual([{ username: 'home', password: 'pw' }]);
  expect(await auths('other.io/app')).toEqual([]);
  expect(lines.join()).toContain('config.json');
  expect(lines.join()).not.toContain('hunter2');

  await rm(join(dir, 'config.json'));
  await rm(join(home, '.docker/config.json'));
  expect(await auths('reg.io/app')).toHaveLength(1);
  clock.advance(300_000);
  expect(await auths('reg.io/app')).toEqual([{ username: 'old', password: 'pw' }]);
});

test('a node without files has none', async () => {
  const nowhere = join(dir, 'nowhere');
  const auths = nodeAuths(nowhere, new ManualClock(), createLogger({ write: () => {} }), nowhere, nowhere);
  expect(await auths('reg.io/app')).toEqual([]);
});

test('what is no file is passed over: a pipe is not waited for, a device without end is not read', async () => {
  execFileSync('mkfifo', [join(dir, 'config.json')]);
  const home = join(dir, 'home');
  await mkdir(join(home, '.docker'), { recursive: true });
  await symlink('/dev/zero', join(home, '.docker/config.json'));
  await writeFile(join(dir, '.dockercfg'), JSON.stringify(entry('old')));
  const auths = nodeAuths(dir, new ManualClock(), createLogger({ write: () => {} }), home, join(dir, 'nowhere'));
  expect(await auths('reg.io/app')).toEqual([{ username: 'old', password: 'pw' }]);
});
