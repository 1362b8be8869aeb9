import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeEvent } from '../../events/event.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import type { Logger } from '../../lib/logger.ts';
import { OomWatch } from './oomWatch.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'oom-'));
  writeFileSync(join(root, 'kmsg'), '');
});
afterEach(() => rmSync(root, { recursive: true }));

/** What the kernel says when it kills `process` for want of the machine's memory. */
function kill(sequence: number, process: string): void {
  const where = 'nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/';
  const lines = [
    `4,${sequence},1,-;a invoked oom-killer: gfp_mask=0`,
    ' SUBSYSTEM=memory',
    `6,${sequence + 1},2,-;oom-kill:constraint=CONSTRAINT_NONE,${where},task=${process},pid=7,uid=0`,
  ];
  appendFileSync(join(root, 'kmsg'), lines.map((line) => `${line}\n`).join(''));
}

function watching(reader: [string, ...string[]] = ['tail', '-n', '+1', '-f', join(root, 'kmsg')], bootID = 'one') {
  const events: NodeEvent[] = [];
  const warnings: unknown[] = [];
  const clock = new ManualClock();
  const log = { warn: (_: string, fields: object) => warnings.push(fields) } as unknown as Logger;
  const recordEvent = (event: NodeEvent) => void events.push(event);
  const watch = new OomWatch({ rootDir: root, bootID, clock, log, random: () => 0, recordEvent, reader });
  void watch.start();
  return {
    watch,
    events,
    warnings,
    clock,
    victims: () => events.map(({ message }) => /process: (.*),/.exec(message)?.[1]),
  };
}

test('tells of each kill once, over restarts too; a boot begins anew', async () => {
  kill(10, 'first');
  const one = watching();
  await until(() => one.events.length === 1);
  kill(20, 'second');
  await until(() => one.events.length === 2);
  expect(one.victims()).toEqual(['first', 'second']);
  const note = join(root, 'kubelet-ts/systemOom.json');
  await until(() => existsSync(note) && readFileSync(note, 'utf8') === '{"bootID":"one","sequence":21}');
  one.watch[Symbol.dispose]();
  kill(30, 'meanwhile');
  const two = watching();
  await until(() => two.events.length === 1);
  expect(two.victims()).toEqual(['meanwhile']);
  two.watch[Symbol.dispose]();
  const three = watching(undefined, 'another');
  await until(() => three.events.length === 3);
  three.watch[Symbol.dispose]();
});

test('a log that may not be read is a warning, tried again ever later', async () => {
  const { watch, warnings, clock } = watching(['sh', '-c', 'echo "Operation not permitted" >&2; exit 1']);
  using _ = watch;
  await until(() => warnings.length === 1);
  expect(warnings).toEqual([{ error: 'Operation not permitted', seconds: 1 }]);
  clock.advance(1_000);
  await until(() => warnings.length === 2);
  expect(clock.nextIn).toBe(2_000);
});

test('a reader that ends is started again, and what was told is not told again', async () => {
  kill(10, 'first');
  const { watch, events, clock, victims } = watching(['cat', join(root, 'kmsg')]);
  using _ = watch;
  await until(() => events.length === 1 && clock.pending === 1);
  kill(20, 'second');
  clock.advance(1_000);
  await until(() => events.length === 2);
  expect(victims()).toEqual(['first', 'second']);
});

test('a log that ends, and says nothing new when it is read again, is read ever later', async () => {
  kill(10, 'first');
  const { watch, warnings, clock } = watching(['cat', join(root, 'kmsg')]);
  using _ = watch;
  await until(() => warnings.length === 1 && clock.pending === 1);
  clock.advance(1_000);
  await until(() => warnings.length === 2 && clock.pending === 1);
  expect(clock.nextIn).toBe(2_000);
});
