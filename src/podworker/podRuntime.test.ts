import { SyncLoopHealth } from '../agent/syncLoopHealth.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { PodTable } from '../pods/table.ts';
import { Recorder } from '../timeline/recorder.ts';
import { PodRuntime, type PodRuntimeOptions } from './podRuntime.ts';

/** Without any Pod: only the lists of the runtime are looked at. */
function runtimeOn(cri: object, clock: ManualClock, listed: () => void): PodRuntime {
  const options = { cri, clock, log: silentLogger, recorder: new Recorder(), table: new PodTable(), hooks: { listed } };
  const checkpoints = { load: async () => new Map() };
  return new PodRuntime({ ...options, checkpoints } as unknown as PodRuntimeOptions);
}

test('healthz fails once the runtime could not be listed for five minutes, and is well after the next list', async () => {
  const clock = new ManualClock();
  const health = new SyncLoopHealth(clock, 60_000);
  let answers = true;
  const list = async () => {
    if (answers) return [];
    throw new Error('the runtime is frozen');
  };
  const cri = {
    listPodSandbox: list,
    listContainers: list,
    containerEvents: () => () => {},
    version: async () => ({}),
  };
  using pods = runtimeOn(cri, clock, () => health.turned());
  await pods.start();
  await clock.advanceAsync(10 * 60_000);
  expect(health.problem()).toBeUndefined(); // the slow list goes on, though nothing ever happens
  answers = false;
  await clock.advanceAsync(4 * 60_000);
  expect(health.problem()).toBeUndefined();
  await clock.advanceAsync(2 * 60_000);
  expect(health.problem()).toBe('sync Loop took longer than expected');
  answers = true;
  await clock.advanceAsync(60_000);
  expect(health.problem()).toBeUndefined();
});

test('a list that fails when the event stream is back is read again after a second', async () => {
  const clock = new ManualClock();
  let lists = 0;
  let answers = true;
  const list = async () => {
    lists++;
    if (answers) return [];
    throw new Error('not yet');
  };
  const opened = Promise.withResolvers<object>();
  const cri = {
    listPodSandbox: list,
    listContainers: async () => [],
    containerEvents: () => () => {},
    version: () => opened.promise,
  };
  using pods = runtimeOn(cri, clock, () => {});
  await pods.start();
  answers = false;
  opened.resolve({});
  await clock.advanceAsync(0);
  const before = lists;
  await clock.advanceAsync(999);
  expect(lists).toBe(before);
  answers = true;
  await clock.advanceAsync(1);
  expect(lists).toBe(before + 1);
  await clock.advanceAsync(44_000);
  expect(lists).toBe(before + 1);
});
