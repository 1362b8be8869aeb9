import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cri } from '../cri/client.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { PodTable } from '../pods/table.ts';
import { TestOwner } from '../pods/testing/owner.ts';
import { rotatePodLogs } from './podLogs.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'logside-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** One container whose log holds a line already; how often it was begun anew, and whoever may wait. */
function setUp(containerLogMaxSize: string) {
  const logPath = join(dir, '0.log');
  writeFileSync(logPath, 'line\n');
  const clock = new ManualClock();
  let reopened = 0;
  const cri = {
    reopenContainerLog: async () => {
      writeFileSync(logPath, '');
      reopened++;
    },
  };
  const config = {
    containerLogMaxSize,
    containerLogMaxFiles: 3,
    containerLogMaxWorkers: 1,
    containerLogMonitorInterval: 10_000,
  };
  const table = new PodTable();
  const side = rotatePodLogs({ config, cri: cri as unknown as Cri, clock, log: silentLogger, table });
  const containers = [{ id: 'c', state: 'running', logPath }];
  new TestOwner(table).decide({ observed: { containers } as never });
  return { clock, logPath, table, side, reopened: () => reopened };
}

test('a negative containerLogMaxSize turns rotation off', async () => {
  const { clock, logPath, table, side, reopened } = setUp('-1');
  appendFileSync(logPath, 'x'.repeat(5000));
  await clock.advanceAsync(60_000);
  table.leave('u');
  side[Symbol.dispose]();
  expect([reopened(), clock.pending, readdirSync(dir)]).toEqual([0, 0, ['0.log']]);
});

test('a containerLogMaxSize of 0 rotates once in containerLogMonitorInterval', async () => {
  const { clock, side, reopened } = setUp('0');
  using _ = side;
  await until(() => clock.nextIn === 10_000);
  expect(reopened()).toBe(1);
  clock.advance(10_000);
  await until(() => reopened() === 2);
});
