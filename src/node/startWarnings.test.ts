import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWarnings } from './startWarnings.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'start-warnings-'));
  writeFileSync(join(dir, 'swaps'), 'Filename Type Size Used Priority\n');
  writeFileSync(join(dir, 'resolv.conf'), 'nameserver 10.0.0.2\nsearch a b\n');
});
afterEach(() => rmSync(dir, { recursive: true }));
const told = async (more: object = {}) =>
  (
    await startWarnings({
      kernelVersion: '6.1.0',
      resolvConf: join(dir, 'resolv.conf'),
      clusterDomain: 'cluster.local',
      swaps: join(dir, 'swaps'),
      ...more,
    })
  ).map(({ reason, message }) => `${reason}: ${message}`);

test('a machine in order has none', async () => {
  expect(await told()).toEqual([]);
  expect(await told({ resolvConf: '' })).toEqual([]);
});

test('swap on, and a kernel that cannot keep a tmpfs out of it', async () => {
  writeFileSync(join(dir, 'swaps'), 'Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n');
  expect(await told()).toEqual([expect.stringContaining('PossibleMemoryBackedVolumesOnDisk: The tmpfs noswap option')]);
  for (const kernelVersion of ['6.4.0', '6.12.1-amd64', '7.0']) expect(await told({ kernelVersion })).toEqual([]);
});

test('a resolv.conf that is too much for Pods, or cannot be read', async () => {
  const path = join(dir, 'resolv.conf');
  writeFileSync(path, `search ${Array.from({ length: 30 }, (_, i) => `d${i}`).join(' ')}\n`);
  expect(await told()).toEqual([
    `CheckLimitsForResolvConf: Resolv.conf file '${path}' contains search line consisting of more than 29 domains!`,
  ]);
  expect(await told({ clusterDomain: '' })).toEqual([]);
  rmSync(path);
  expect(await told()).toEqual([`CheckLimitsForResolvConf: open ${path}: no such file or directory`]);
});
