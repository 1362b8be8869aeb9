import { ManualClock } from '../lib/fake/manualClock.ts';
import { FactSheet } from './factSheet.ts';
import { idlePorts } from './fake/idlePorts.ts';
import { active, podOf, runtime, spec } from './rules/testing.ts';
import { PodWorker } from './worker.ts';
import type { WorkerPorts } from './workerPorts.ts';

/** A worker whose reads of the runtime a test answers. */
function start() {
  const clock = new ManualClock();
  const reads: { resolve: (pod: ReturnType<typeof runtime>) => void; reject: (error: Error) => void }[] = [];
  const ports: WorkerPorts = {
    ...idlePorts,
    clock,
    observe: () => new Promise((resolve, reject) => reads.push({ resolve, reject })),
    lastSeq: () => reads.length,
    done: () => {},
  };
  const worker = new PodWorker(ports, new FactSheet({ uid: 'u', namespace: 'ns', name: 'p', seed: 0.5 }), active);
  worker.setPod(podOf(spec('Always', 'a')), 'api');
  return { clock, reads, worker };
}

test('a failed read is repeated after its pause, however often the worker is woken meanwhile', async () => {
  const { clock, reads, worker } = start();
  await clock.advanceAsync(0);
  expect(reads).toHaveLength(1);
  reads[0]!.reject(new Error('the runtime is down'));
  for (let i = 0; i < 5; i++) {
    worker.wake();
    await clock.advanceAsync(10);
  }
  expect(reads).toHaveLength(1);
  expect(worker.last?.facts.runtimeReadProblem).toBe('the runtime is down');
  await clock.advanceAsync(100);
  expect(reads).toHaveLength(2);
  worker.stop();
});

test('an event does not wait for that pause; one read is under way at most, one more is kept', async () => {
  const { clock, reads, worker } = start();
  await clock.advanceAsync(0);
  reads[0]!.reject(new Error('down'));
  await clock.advanceAsync(1);
  worker.hint();
  worker.hint();
  worker.hint();
  expect(reads).toHaveLength(2);
  reads[1]!.resolve(runtime([], []));
  await clock.advanceAsync(1);
  expect(reads).toHaveLength(3);
  reads[2]!.resolve(runtime([], []));
  await clock.advanceAsync(60_000);
  expect(reads).toHaveLength(3);
  expect(clock.pending).toBe(0);
  worker.stop();
});
