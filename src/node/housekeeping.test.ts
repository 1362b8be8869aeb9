import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposable } from '../lib/disposables.ts';
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
    volumes: { unmountAll, holders: () => [] },
    cri: { listPodSandbox: async () => [], listContainers: async () => [] },
    checkpoints: { list: async () => [], remove: async () => {} },
  };
  const table = new PodTable();
  new TestOwner(table, { uid: 'c-here' });
  const released: string[] = [];
  let reserved = 0;
  const reserve = (uid: string) => {
    if (uid === 'c-here') return undefined;
    reserved += 1;
    return disposable(() => {
      reserved -= 1;
    });
  };
  const cgroups = {
    listPods: async () => ['a-stuck', 'b-gone', 'c-here'].map((uid) => ({ uid, name: [uid] })),
    destroy: async ([uid]: string[]) => {
      destroyed.push(uid as string);
      if (uid === 'a-stuck') throw new Error('a-stuck has a process that does not end');
    },
  };
  const log = { warn: (_: string, fields: object) => warnings.push(fields), info: () => {} } as unknown as Logger;
  const options = {
    ...rest,
    table,
    reserve,
    cgroups,
    podLogsDir: join(root, 'logs'),
    containerLogsDir: join(root, 'links'),
    releaseIds: async (uid: string) => void released.push(uid),
    removeOrphanMirrors: async () => {},
    collectDead: () => {},
    recordEvent: () => {},
    clock,
    log,
  };
  using housekeeping = new Housekeeping(options as unknown as HousekeepingOptions);
  housekeeping.start();
  await until(() => clock.nextIn === 60_000);
  expect(readdirSync(join(root, 'pods')).sort()).toEqual(['a-stuck', 'c-here']);
  expect(released).toEqual(['b-gone']);
  expect(destroyed).toEqual(['a-stuck', 'b-gone']); // also where a volume is left: a process in there may be what holds it
  expect(reserved).toBe(0);
  expect(warnings).toEqual([
    { what: 'files', error: 'a-stuck is busy' },
    { what: 'cgroups', error: 'a-stuck has a process that does not end' },
  ]);
});

test('a Pod that comes back while its leftovers are removed waits for the end of that', async () => {
  const clock = new ManualClock();
  const taken = new Set<string>();
  let release: () => void = () => {};
  const unmountAll = async (_uid: string, signal: AbortSignal) => {
    await new Promise<void>((resolve, reject) => {
      release = resolve;
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  };
  const reserve = (uid: string) => {
    taken.add(uid);
    return disposable(() => taken.delete(uid));
  };
  const rest = {
    podsDir: join(root, 'pods'),
    volumes: { unmountAll, holders: () => [] },
    cri: { listPodSandbox: async () => [], listContainers: async () => [] },
    checkpoints: { list: async () => [], remove: async () => {} },
  };
  const warnings: unknown[] = [];
  const options = {
    ...rest,
    table: new PodTable(),
    reserve,
    cgroups: { listPods: async () => [] },
    releaseIds: async () => {},
    podLogsDir: join(root, 'logs'),
    containerLogsDir: join(root, 'links'),
    removeOrphanMirrors: async () => {},
    collectDead: () => {},
    recordEvent: () => {},
    clock,
    log: { warn: (_: string, fields: object) => warnings.push(fields), info: () => {} } as unknown as Logger,
  };
  const housekeeping = new Housekeeping(options as unknown as HousekeepingOptions);
  housekeeping.start();
  await until(() => taken.size === 1);
  const [first] = taken;
  release();
  await until(() => taken.size === 1 && !taken.has(first as string));
  expect(existsSync(join(root, 'pods', first as string))).toBe(false);
  // The end of the program is the end of the walk, and nobody is warned of it.
  housekeeping[Symbol.dispose]();
  await until(() => taken.size === 0);
  expect([warnings, clock.pending]).toEqual([[], 0]);
});

test('a runtime that cannot be listed is told as ContainerGCFailed, and the limits on dead containers are enforced in each round', async () => {
  const clock = new ManualClock();
  const events: unknown[] = [];
  let rounds = 0;
  const options = {
    podsDir: join(root, 'none'),
    cri: { listContainers: () => Promise.reject(new Error('the runtime is away')) },
    checkpoints: { list: async () => [] },
    table: new PodTable(),
    cgroups: { listPods: () => Promise.reject(new Error('another matter')) },
    podLogsDir: join(root, 'logs'),
    containerLogsDir: join(root, 'links'),
    removeOrphanMirrors: async () => {},
    collectDead: () => rounds++,
    recordEvent: (event: unknown) => events.push(event),
    clock,
    log: { warn: () => {}, info: () => {} } as unknown as Logger,
  };
  using housekeeping = new Housekeeping(options as unknown as HousekeepingOptions);
  housekeeping.start();
  await until(() => clock.nextIn === 60_000);
  expect(events).toEqual([{ type: 'Warning', reason: 'ContainerGCFailed', message: 'the runtime is away' }]);
  clock.advance(60_000);
  await until(() => events.length === 2);
  expect(rounds).toBe(2);
});
