import type { ApiClient } from '../api/client.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { Mirrors } from '../pods/mirrors.ts';
import { PodTable } from '../pods/table.ts';
import { Recorder } from '../timeline/recorder.ts';
import type { Pod, PodStatus } from '../types/k8s.ts';
import { type StatusFollower, StatusWriter } from './writer.ts';

const pod: Pod = { metadata: { name: 'web', namespace: 'default', uid: 'u1' }, status: { phase: 'Pending' } };
const conditions = (ready: 'True' | 'False') => [{ type: 'Ready' as const, status: ready }];

const writer = (client: ApiClient, clock: ManualClock, follower?: StatusFollower) =>
  new StatusWriter({
    ...{ client, clock, recorder: new Recorder(), mirrors: new Mirrors(), table: new PodTable() },
    follower,
  });

function setUp(follower?: StatusFollower) {
  const clock = new ManualClock();
  const sent: PodStatus[] = [];
  const patch = async (_kind: string, _name: object, _type: string, body: { status: PodStatus }) => {
    sent.push(body.status);
    return { ...pod, status: side.publisher.wanted('u1') };
  };
  const client = { patch } as unknown as ApiClient;
  const side: StatusWriter = writer(client, clock, follower);
  side.publisher.observeApi('u1', { ...pod, metadata: { ...pod.metadata, resourceVersion: '1' } } as never);
  return { clock, sent, side };
}

test('steps on the way of a start are written together within 500 ms', async () => {
  const { clock, sent, side } = setUp();
  for (const podIP of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) side.publish(pod, { phase: 'Pending', podIP });
  await clock.advanceAsync(499);
  expect(sent).toEqual([]);
  await clock.advanceAsync(1);
  expect(sent).toEqual([expect.objectContaining({ podIP: '10.0.0.3' })]);
  side[Symbol.dispose]();
});

test('what others wait for is written at once, with what was held', async () => {
  const { clock, sent, side } = setUp();
  side.publish(pod, { phase: 'Pending', podIP: '10.0.0.1' });
  side.publish(pod, { phase: 'Running', podIP: '10.0.0.1', conditions: conditions('True') });
  await clock.advanceAsync(0);
  expect(sent).toEqual([expect.objectContaining({ phase: 'Running', podIP: '10.0.0.1' })]);
  await clock.advanceAsync(1000);
  expect(sent).toHaveLength(1);
  side[Symbol.dispose]();
});

test('a Pod that runs without being Ready is told at once', async () => {
  const { clock, sent, side } = setUp();
  side.publish(pod, { phase: 'Pending', podIP: '10.0.0.1' });
  side.publish(pod, { phase: 'Running', podIP: '10.0.0.1', conditions: conditions('False') });
  await clock.advanceAsync(0);
  expect(sent).toEqual([expect.objectContaining({ phase: 'Running' })]);
  side[Symbol.dispose]();
});

test('a Pod that turns not Ready while Ready is on its way, being deleted: told at once after the answer', async () => {
  const clock = new ManualClock();
  const sent: { status: PodStatus; answer: () => void }[] = [];
  const patch = (_kind: string, _name: object, _type: string, { status }: { status: PodStatus }) => {
    const { promise, resolve } = Promise.withResolvers<Pod>();
    const metadata = { ...pod.metadata, resourceVersion: String(sent.length + 2) };
    sent.push({ status, answer: () => resolve({ metadata, status: { ...pod.status, ...status } }) });
    return promise;
  };
  const side = writer({ patch } as unknown as ApiClient, clock);
  side.publisher.observeApi('u1', { ...pod, metadata: { ...pod.metadata, resourceVersion: '1' } });
  side.publish(pod, { phase: 'Running', conditions: conditions('True') });
  const deleted = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  side.publish(deleted, { phase: 'Running', conditions: conditions('False') });
  expect(sent).toHaveLength(1);
  sent[0]!.answer();
  await clock.advanceAsync(0);
  expect(sent[1]?.status.conditions).toEqual([expect.objectContaining({ type: 'Ready', status: 'False' })]);
  side[Symbol.dispose]();
});

test('a resize that is over within 500 ms is one write', async () => {
  const { clock, sent, side } = setUp();
  const running = { phase: 'Running' as const, conditions: conditions('True') };
  side.publish(pod, running);
  await clock.advanceAsync(0);
  const progress = { type: 'PodResizeInProgress' as const, status: 'True' as const };
  side.publish(pod, { ...running, conditions: [...running.conditions, progress] });
  await clock.advanceAsync(100);
  side.publish(pod, { ...running, observedGeneration: 2 });
  await clock.advanceAsync(1000);
  expect(sent.slice(1)).toEqual([{ observedGeneration: 2 }]);
  side[Symbol.dispose]();
});

test('a resize that takes longer is told after 500 ms', async () => {
  const { clock, sent, side } = setUp();
  const running = { phase: 'Running' as const, conditions: conditions('True') };
  side.publish(pod, running);
  await clock.advanceAsync(0);
  const progress = { type: 'PodResizeInProgress' as const, status: 'True' as const };
  side.publish(pod, { ...running, conditions: [...running.conditions, progress] });
  await clock.advanceAsync(499);
  expect(sent).toHaveLength(1);
  await clock.advanceAsync(1);
  expect(sent[1]?.conditions).toEqual([expect.objectContaining(progress)]);
  side[Symbol.dispose]();
});

test('who follows the statuses hears from the first wish until nothing newer is left to write', async () => {
  const heard: string[] = [];
  const follower: StatusFollower = {
    statusWanted: (uid) => void heard.push(`wanted ${uid}`),
    writeStatus: (uid, work) => {
      heard.push(`writing ${uid}`);
      return work();
    },
    statusWritten: (uid, at) => void heard.push(`written ${uid} ${at - began}`),
  };
  const { clock, side } = setUp(follower);
  const began = clock.now().wall;
  side.publish(pod, { phase: 'Pending', podIP: '10.0.0.1' });
  await clock.advanceAsync(500);
  expect(heard).toEqual(['wanted u1', 'writing u1', 'written u1 500']);
  side.publish(pod, { phase: 'Running', podIP: '10.0.0.1', conditions: conditions('True') });
  side.publish(pod, { phase: 'Running', podIP: '10.0.0.2', conditions: conditions('True') });
  await clock.advanceAsync(0);
  expect(heard.slice(3)).toEqual(['wanted u1', 'writing u1', 'wanted u1', 'writing u1', 'written u1 500']);
  side[Symbol.dispose]();
});
