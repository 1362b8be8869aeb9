import type { NodeEvent } from '../../events/event.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import { PodTable } from '../../pods/table.ts';
import { TestOwner } from '../../pods/testing/owner.ts';
import type { Pod } from '../../types/k8s.ts';
import type { ShutdownTimes } from './files.ts';
import { NodeShutdown, type NodeShutdownOptions } from './nodeShutdown.ts';
import { ShuttingDown } from './shuttingDown.ts';

const GROUPS = [
  { priority: 0, seconds: 20 },
  { priority: 1000, seconds: 10 },
];

function setUp(more: Partial<NodeShutdownOptions> = {}) {
  const clock = new ManualClock();
  const table = new PodTable();
  const state = new ShuttingDown();
  const events: NodeEvent[] = [];
  const saved: ShutdownTimes[] = [];
  const shown: unknown[] = [];
  let released = 0;
  const shutdown = new NodeShutdown({
    groups: GROUPS,
    ...{ table, state, clock },
    notReady: async () => {},
    writesStatuses: true,
    release: () => void released++,
    recordEvent: (event) => events.push(event),
    times: { save: async (times) => void saved.push(times) },
    onTimes: (start, end) => shown.push([start, end]),
    log: silentLogger,
    ...more,
  });
  const pod = (uid: string, priority: number, grace = 30) =>
    new TestOwner(table, {
      uid,
      name: uid,
      pod: allocatedAsAsked({
        spec: { containers: [], priority, terminationGracePeriodSeconds: grace },
      } as unknown as Pod),
    });
  const over = (owner: TestOwner) => {
    owner.decide({ phase: 'Finished' });
    owner.decide({ accepted: { phase: 'Failed' } });
  };
  return { clock, table, state, events, saved, shown, shutdown, pod, over, released: () => released };
}

const graces = (...owners: TestOwner[]) => owners.map(({ ends }) => ends.map(({ graceSeconds }) => graceSeconds));

test('one group after the other, the next as soon as nothing of the last is left and its statuses are written', async () => {
  const t = setUp();
  const [web, db] = [t.pod('web', 0), t.pod('db', 1000, 3)];
  t.shutdown.heard(true);
  expect(t.state.active).toBe(true);
  await t.clock.advanceAsync(0);
  expect(graces(web, db)).toEqual([[20], []]);
  expect(web.ends[0]).toMatchObject({ cause: 'shutdown', reason: 'Terminated' });
  web.decide({ phase: 'Finished' });
  await t.clock.advanceAsync(1000);
  expect(graces(db)).toEqual([[]]);
  web.decide({ accepted: { phase: 'Failed' } });
  await t.clock.advanceAsync(0);
  expect(graces(db)).toEqual([[3]]);
  expect(t.released()).toBe(0);
  t.over(db);
  await t.clock.advanceAsync(0);
  expect(t.released()).toBe(1);
  expect(t.events).toEqual([
    { type: 'Normal', reason: 'Shutdown', message: 'Shutdown manager detected shutdown event' },
  ]);
  const start = t.clock.now().wall - 1000;
  expect(t.saved).toEqual([{ start }, { start, end: start + 1000 }]);
  expect(t.shown).toEqual([
    [start, undefined],
    [start, start + 1000],
  ]);
});

test('a group that does not end has its time and no more; all together take no longer than their sum', async () => {
  const slow = Promise.withResolvers<void>();
  const t = setUp({ notReady: () => slow.promise });
  const [web, db] = [t.pod('web', 0), t.pod('db', 1000)];
  t.shutdown.heard(true);
  await t.clock.advanceAsync(999);
  expect(graces(web)).toEqual([[]]); // the Node first
  await t.clock.advanceAsync(1);
  expect(graces(web, db)).toEqual([[20], []]);
  await t.clock.advanceAsync(18_999);
  expect(graces(db)).toEqual([[]]);
  await t.clock.advanceAsync(1);
  expect(graces(db)).toEqual([[10]]);
  await t.clock.advanceAsync(9_999);
  expect(t.released()).toBe(0);
  await t.clock.advanceAsync(1);
  expect(t.released()).toBe(1);
});

test('an API server that takes no status keeps the machine for five seconds, and without one nothing is waited for', async () => {
  const t = setUp();
  const web = t.pod('web', 0);
  t.shutdown.heard(true);
  await t.clock.advanceAsync(0);
  web.decide({ phase: 'Finished' });
  await t.clock.advanceAsync(4_999);
  expect(t.released()).toBe(0);
  await t.clock.advanceAsync(1);
  expect(t.released()).toBe(1);

  const alone = setUp({ writesStatuses: false });
  const job = alone.pod('job', 0);
  alone.shutdown.heard(true);
  await alone.clock.advanceAsync(0);
  job.decide({ phase: 'Finished' });
  await alone.clock.advanceAsync(0);
  expect(alone.released()).toBe(1);
});

test('called off: no further group ends, the node is back, the lock stays', async () => {
  const t = setUp();
  const [web, db] = [t.pod('web', 0), t.pod('db', 1000)];
  t.shutdown.heard(true);
  await t.clock.advanceAsync(0);
  t.shutdown.heard(false);
  expect(t.state.active).toBe(false);
  t.over(web);
  await t.clock.advanceAsync(60_000);
  expect(graces(web, db)).toEqual([[20], []]);
  expect(t.released()).toBe(0);
  expect(t.events.at(-1)?.message).toBe('Shutdown manager detected shutdown cancellation');
  t.shutdown.heard(true);
  await t.clock.advanceAsync(0);
  expect(graces(db)).toEqual([[10]]);
});

test('Pods that are over are left alone, those that are ending get no longer than their group', async () => {
  const t = setUp();
  const [over, ending] = [t.pod('over', 0), t.pod('ending', 0, 600)];
  over.decide({ phase: 'Finished', accepted: { phase: 'Succeeded' } });
  ending.decide({ phase: 'Terminating' });
  t.shutdown.heard(true);
  await t.clock.advanceAsync(0);
  expect(graces(over, ending)).toEqual([[], [20]]);
});

test('a node without Pods goes at once', async () => {
  const t = setUp();
  t.shutdown.heard(true);
  await t.clock.advanceAsync(0);
  expect(t.released()).toBe(1);
});
