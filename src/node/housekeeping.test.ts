import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import type { Logger } from '../lib/logger.ts';
import { PodTable } from '../pods/table.ts';
import { TestOwner } from '../pods/testing/owner.ts';
import { Housekeeping, type HousekeepingOptions } from './housekeeping.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'housekeeping-'));
  for (const dir of ['pods/a-stuck', 'pods/b-gone', 'pods/c-here', 'logs', 'links'])
    mkdirSync(join(root, dir), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

test('what cannot be removed holds nothing else up; what is known is not touched', async () => {
  const clock = new ManualClock();
  const warnings: unknown[] = [];
  const destroyed: string[] = [];
  const unmountAll = async (uid: string) => {
    if (uid === 'a-stuck') throw new Error('a-stuck is busy');
  };
  const rest = {
    podsDir: join(root, 'pods'),
    volumes: { unmountAll },
    cri: { listPodSandbox: async () => [], listContainers: async () => [] },
    checkpoints: { list: async () => [], remove: async () => {} },
  };
  const table = new PodTable();
  new TestOwner(table, { uid: 'c-here' });
  const cgroups = {
    listPods: async () => ['a-stuck', 'b-gone', 'c-here'].map((uid) => ({ uid, name: [uid] })),
    destroy: async ([uid]: string[]) => {
      if (uid === 'a-stuck') throw new Error('a-stuck has a process that does not end');
      destroyed.push(uid as string);
    },
  };
  const log = { warn: (_: string, fields: object) => warnings.push(fields), info: () => {} } as unknown as Logger;
  const options = {
    ...rest,
    table,
    cgroups,
    podLogsDir: join(root, 'logs'),
    containerLogsDir: join(root, 'links'),
    removeOrphanMirrors: async () => {},
    clock,
    log,
  };
  using housekeeping = new Housekeeping(options as unknown as HousekeepingOptions);
  housekeeping.start();
  await until(() => clock.nextIn === 60_000);
  expect(readdirSync(join(root, 'pods')).sort()).toEqual(['a-stuck', 'c-here']);
  expect(destroyed).toEqual(['b-gone']);
  expect(warnings).toEqual([
    { what: 'files', error: 'a-stuck is busy' },
    { what: 'cgroups', error: 'a-stuck has a process that does not end' },
  ]);
});
