import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../lib/clock.ts';
import { until } from '../../lib/fake/until.ts';
import { FakeLogind } from '../../lib/linux/logind/fake/logind.ts';
import type { ShutdownLock } from '../../lib/linux/logind/inhibitor.ts';
import { Logind } from '../../lib/linux/logind/logind.ts';
import type { Logger } from '../../lib/logger.ts';
import { overrideLogindDelay } from './files.ts';
import { ShutdownWatch } from './shutdownWatch.ts';

let directory: string;
let logind: FakeLogind;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shutdown-'));
  logind = await FakeLogind.listen(join(directory, 'bus'));
});
afterEach(async () => {
  await logind[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Time at a hundredth, so that the pauses between attempts are short. */
const fast = {
  now: () => realClock.now(),
  setTimer: (ms: number, fn: () => void) => realClock.setTimer(ms / 100, fn),
};

function watching(neededMs: number) {
  const heard: boolean[] = [];
  const errors: string[] = [];
  const held = new Set<{ lose(): void }>();
  const takeLock = async (): Promise<ShutdownLock> => {
    if (logind.preparing) throw new Error('the operation is already running');
    let lost: (() => void) | undefined;
    const own = {
      lose() {
        held.delete(own);
        lost?.();
      },
    };
    held.add(own);
    return {
      release: () => void held.delete(own),
      onLost(listener) {
        lost = listener;
      },
    };
  };
  const note = (_: string, fields?: { error?: string }) => void (fields?.error && errors.push(fields.error));
  const watch = new ShutdownWatch({
    neededMs,
    connect: () => Logind.connect(join(directory, 'bus')),
    takeLock,
    overrideDelay: (ms) => overrideLogindDelay(ms, join(directory, 'conf.d')),
    clock: fast,
    log: { info: () => {}, warn: note, error: note, debug: note } as unknown as Logger,
    random: () => 0,
    onShutdown: (starts) => heard.push(starts),
  });
  watch.start();
  return { watch, heard, held, errors };
}

test('holds the machine while it has time enough, and lets it go when told to', async () => {
  const { watch, heard, held } = watching(5_000);
  using _ = watch;
  await until(() => held.size === 1);
  expect(logind.calls).not.toContain('KillUnit systemd-logind.service');
  logind.prepareForShutdown(true);
  await until(() => heard.length === 1);
  expect(held.size).toBe(1);
  watch.release();
  expect(held.size).toBe(0);
});

test('a shutdown that is called off takes a new lock', async () => {
  const { watch, heard, held } = watching(5_000);
  using _ = watch;
  await until(() => held.size === 1);
  logind.prepareForShutdown(true);
  await until(() => heard.length === 1);
  watch.release();
  logind.prepareForShutdown(false);
  await until(() => held.size === 1);
  expect(heard).toEqual([true, false]);
});

test('has logind wait longer where it does not wait long enough', async () => {
  logind.configuredUs = 30_000_000n;
  const { watch, held } = watching(30_000);
  using _ = watch;
  await until(() => held.size === 1);
  expect(readFileSync(join(directory, 'conf.d/99-kubelet.conf'), 'utf8')).toContain(
    '\n[Login]\nInhibitDelayMaxSec=30\n',
  );
});

test('logind that does not listen is an error with a way out, tried again', async () => {
  const { watch, held, errors } = watching(30_000);
  using _ = watch;
  await until(() => errors.length >= 2);
  expect(errors[0]).toMatch(/^logind waits 5 s .* less than the 30 s .*99-kubelet\.conf$/);
  expect(held.size).toBe(0);
  logind.configuredUs = 30_000_000n;
  await until(() => held.size === 1);
});

test('a connection and a lock that are lost are made anew, with one lock at a time', async () => {
  const { watch, held } = watching(5_000);
  using _ = watch;
  await until(() => held.size === 1);
  const [first] = held;
  logind.disconnect();
  await until(() => held.size === 1 && !held.has(first!));
  const [second] = held;
  second!.lose();
  await until(() => held.size === 1);
});

test('a shutdown that began before this process did is heard at once', async () => {
  logind.preparing = true;
  const { watch, heard, held } = watching(5_000);
  using _ = watch;
  await until(() => heard.length === 1);
  expect([heard, held.size]).toEqual([[true], 0]);
});

test('the end of the program releases the lock and the connection', async () => {
  const { watch, held } = watching(5_000);
  await until(() => held.size === 1);
  watch[Symbol.dispose]();
  expect(held.size).toBe(0);
  await until(() => logind.connections === 0);
});
