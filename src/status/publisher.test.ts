import { ApiError, ApiUnreachableError, apiErrorFrom } from '../api/apiError.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { RateLimiter } from '../lib/limiter.ts';
import type { Pod, PodStatus } from '../types/k8s.ts';
import { LaneQueue, laneFor } from './lanes.ts';
import type { StatusPatch } from './patch.ts';
import type { StatusProblem } from './problems.ts';
import type { StatusPublisherOptions } from './publisher.ts';
import { StatusPublisher } from './publisher.ts';

interface Call {
  name: string;
  uid: string;
  body: StatusPatch;
  signal: AbortSignal;
  answer(status: PodStatus): Promise<void>;
  fail(error: unknown): Promise<void>;
}

const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};
const ref = (name: string, uid = name) => ({ namespace: 'ns', name, uid });
const pod = (name: string, status: PodStatus, version = 1, uid = name): Pod => ({
  metadata: { namespace: 'ns', name, uid, resourceVersion: String(version) },
  status,
});
const running: PodStatus = { phase: 'Running' };
const api = (status: number, reason: string, message = 'no') => new ApiError(status, reason, message);
const notFound = (name: string) => new ApiError(404, 'NotFound', 'no', undefined, { name, kind: 'pods' });

function setUp(more: Partial<StatusPublisherOptions> = {}) {
  const clock = new ManualClock();
  const calls: Call[] = [];
  const accepted: [string, string | undefined][] = [];
  const problems: [string, StatusProblem][] = [];
  const synced: number[] = [];
  let version = 100;
  const publisher = new StatusPublisher({
    clock,
    random: () => 0,
    patchStatus: (_ns, name, uid, body, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<Pod>();
      const answer = (status: PodStatus) => {
        resolve(pod(name, status, ++version, uid));
        return settle();
      };
      const fail = (error: unknown) => {
        reject(error);
        return settle();
      };
      calls.push({ name, uid, body, signal, answer, fail });
      return promise;
    },
    onAccepted: (uid, { status }) => accepted.push([uid, status?.phase]),
    onProblem: (uid, problem) => problems.push([uid, problem]),
    onSynced: (seconds) => synced.push(seconds),
    ...more,
  });
  return { clock, calls, accepted, problems, synced, publisher };
}

describe('StatusPublisher', () => {
  test('sends at once and reads the answer back', async () => {
    const { calls, accepted, publisher, synced, clock } = setUp();
    publisher.observeApi('a', pod('a', { phase: 'Pending', qosClass: 'BestEffort' }));
    publisher.publish('a', ref('a'), { ...running, qosClass: 'BestEffort' }, 'normal');
    expect(calls.map((c) => c.body)).toEqual([{ metadata: { uid: 'a' }, status: { phase: 'Running' } }]);
    await clock.advanceAsync(250);
    await calls[0]!.answer({ ...running, qosClass: 'BestEffort' });
    expect(publisher.accepted('a')).toEqual({ ...running, qosClass: 'BestEffort' });
    expect(accepted).toEqual([['a', 'Running']]);
    expect(synced).toEqual([0.25]);
  });

  test('sends nothing when nothing differs, and says so', () => {
    const { calls, accepted, publisher } = setUp();
    publisher.observeApi('a', pod('a', running));
    publisher.publish('a', ref('a'), { ...running }, 'normal');
    expect(calls).toEqual([]);
    expect(accepted).toEqual([['a', 'Running']]);
  });

  test('one write at a time for a Pod; what comes meanwhile is coalesced against the answer', async () => {
    const { calls, accepted, publisher } = setUp();
    publisher.publish('a', ref('a'), { phase: 'Pending' }, 'normal');
    publisher.publish('a', ref('a'), { phase: 'Pending', podIP: '1' }, 'normal');
    publisher.publish('a', ref('a'), { phase: 'Running', podIP: '2' }, 'normal');
    expect(calls).toHaveLength(1);
    await calls[0]!.answer({ phase: 'Pending' });
    expect(calls.map((c) => c.body.status)).toEqual([{ phase: 'Pending' }, { phase: 'Running', podIP: '2' }]);
    expect(accepted).toEqual([]);
    await calls[1]!.answer({ phase: 'Running', podIP: '2' });
    expect(calls).toHaveLength(2);
    expect(accepted).toEqual([['a', 'Running']]);
  });

  test('different Pods go side by side, up to the limit, urgent ones first', async () => {
    const { calls, publisher } = setUp({ maxInFlight: 2 });
    for (const name of ['a', 'b', 'c', 'd']) publisher.publish(name, ref(name), running, 'normal');
    publisher.publish('e', ref('e'), running, 'urgent');
    publisher.publish('d', ref('d'), { phase: 'Failed' }, 'urgent');
    expect(calls.map((c) => c.name)).toEqual(['a', 'b']);
    await calls[1]!.answer(running);
    await calls[0]!.answer(running);
    await calls[2]!.answer(running);
    expect(calls.map((c) => c.name)).toEqual(['a', 'b', 'e', 'd', 'c']);
    expect(calls[3]!.body.status).toEqual({ phase: 'Failed' });
  });

  test('the limiter decides when, the lane who', async () => {
    const clock = new ManualClock();
    const { calls, publisher } = setUp({ clock, limiter: new RateLimiter(clock, 1, 1) });
    for (const name of ['a', 'b', 'c']) publisher.publish(name, ref(name), running, 'normal');
    expect(calls.map((c) => c.name)).toEqual(['a']);
    publisher.publish('u', ref('u'), running, 'urgent');
    await clock.advanceAsync(1000);
    expect(calls.map((c) => c.name)).toEqual(['a', 'u']);
    await clock.advanceAsync(2000);
    expect(calls.map((c) => c.name)).toEqual(['a', 'u', 'b', 'c']);
  });

  test('retries for ever with growing waits, explains each, and sends the newest', async () => {
    const { calls, problems, publisher, clock } = setUp();
    publisher.publish('a', ref('a'), running, 'normal');
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      await calls[i]!.fail(new ApiUnreachableError('refused', 'ApiUnreachable'));
      waits.push(clock.nextIn!);
      await clock.advanceAsync(clock.nextIn!);
    }
    expect(waits).toEqual([200, 400, 800, 1600, 3200, 6400, 7000, 7000, 7000, 7000]);
    expect(problems.at(-1)).toEqual([
      'a',
      {
        kind: 'retrying',
        reason: 'ApiUnreachable',
        attempt: 10,
        retryInMs: 7000,
        message: 'status of Pod ns/a could not be written, next try in 7.0 s: refused',
      },
    ]);
    publisher.publish('a', ref('a'), { phase: 'Failed' }, 'urgent');
    await calls[10]!.answer(running);
    expect(calls[11]!.body.status).toEqual({ phase: 'Failed' });
    await calls[11]!.fail(api(500, 'InternalError'));
    expect(clock.nextIn).toBe(200);
  });

  test('jitter spreads retries; a server that asks for more time gets it', async () => {
    const { calls, publisher, clock } = setUp({ random: () => 0.5 });
    publisher.publish('a', ref('a'), running, 'normal');
    await calls[0]!.fail(api(503, 'ServiceUnavailable'));
    expect(clock.nextIn).toBe(250);
    await clock.advanceAsync(250);
    await calls[1]!.fail(new ApiError(429, 'TooManyRequests', 'slow down', 7000));
    expect(clock.nextIn).toBe(7000);
  });

  test('apiBack ends all waits at once', async () => {
    const { calls, publisher, clock } = setUp();
    for (const name of ['a', 'b']) publisher.publish(name, ref(name), running, 'normal');
    for (const call of [...calls]) await call.fail(api(503, 'ServiceUnavailable'));
    expect(calls).toHaveLength(2);
    publisher.apiBack();
    expect(calls.map((c) => c.name)).toEqual(['a', 'b', 'a', 'b']);
    expect(clock.pending).toBe(0);
  });

  const uidConflict = api(409, 'Conflict', 'the UID in the precondition (a) does not match the UID in record (b)');
  test.each([
    [notFound('a'), 'gone'],
    [notFound('b'), 'retrying'],
    [apiErrorFrom(404, '<html>', undefined, 'PATCH'), 'retrying'],
    [uidConflict, 'gone'],
    [api(409, 'Conflict', 'the object has been modified'), 'retrying'],
    [api(403, 'Forbidden'), 'retrying'],
    [api(401, 'Unauthorized'), 'retrying'],
    [new Error('boom'), 'retrying'],
  ])('%s means %s', async (error, kind) => {
    const { calls, problems, publisher, clock } = setUp();
    publisher.publish('a', ref('a'), running, 'normal');
    await calls[0]!.fail(error);
    expect(problems.map(([, p]) => p.kind)).toEqual([kind]);
    publisher.publish('a', ref('a'), { phase: 'Failed' }, 'urgent');
    publisher.apiBack();
    await clock.advanceAsync(1000);
    expect(calls.length > 1).toBe(kind === 'retrying');
  });

  test('a Pod that the watch shows after it seemed to be gone gets its newest status; another UID does not count', async () => {
    const { calls, accepted, publisher } = setUp();
    publisher.publish('a', ref('a'), { phase: 'Pending' }, 'normal');
    await calls[0]!.fail(notFound('a'));
    publisher.publish('a', ref('a'), { ...running, podIP: '1' }, 'normal');
    publisher.observeApi('a', pod('a', { phase: 'Pending' }, 5, 'other'));
    expect(calls).toHaveLength(1);
    publisher.observeApi('a', pod('a', { phase: 'Pending' }, 5));
    expect(calls[1]!.body.status).toEqual({ phase: 'Running', podIP: '1' });
    await calls[1]!.answer({ ...running, podIP: '1' });
    expect(accepted).toEqual([['a', 'Running']]);
  });

  test('drift seen through the watch is repaired', async () => {
    const { calls, publisher } = setUp();
    publisher.publish('a', ref('a'), { ...running, podIP: '1' }, 'normal');
    await calls[0]!.answer({ ...running, podIP: '1' });
    publisher.observeApi('a', pod('a', { ...running, podIP: '1' }, 102));
    expect(calls).toHaveLength(1);
    publisher.observeApi('a', pod('a', { ...running, podIP: '9', conditions: [{ type: 'x', status: 'True' }] }, 103));
    expect(calls[1]!.body.status).toEqual({ podIP: '1' });
  });

  test('a stale watch event is not drift', async () => {
    const { calls, publisher } = setUp();
    publisher.observeApi('a', pod('a', { phase: 'Pending' }, 5));
    publisher.publish('a', ref('a'), running, 'normal');
    await calls[0]!.answer(running);
    publisher.observeApi('a', pod('a', { phase: 'Pending' }, 6));
    expect(calls).toHaveLength(1);
    expect(publisher.accepted('a')).toEqual(running);
  });

  test('another writer during our own write is noticed in the answer', async () => {
    const { calls, publisher } = setUp();
    publisher.observeApi('a', pod('a', { phase: 'Pending', podIP: '1' }, 5));
    publisher.publish('a', ref('a'), { ...running, podIP: '1' }, 'normal');
    await calls[0]!.answer({ ...running, podIP: '9' });
    expect(calls[1]!.body.status).toEqual({ podIP: '1' });
  });

  test('a field that the server drops is written ever more slowly', async () => {
    const { calls, publisher, clock } = setUp();
    publisher.publish('a', ref('a'), { ...running, message: 'dropped' }, 'normal');
    await calls[0]!.answer(running);
    await calls[1]!.answer(running);
    const waits: number[] = [];
    for (let i = 2; i < 10; i++) {
      waits.push(clock.nextIn!);
      await clock.advanceAsync(clock.nextIn!);
      await calls[i]!.answer(running);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
  });

  test('a server that undoes now one field and now the other is written to ever more slowly', async () => {
    const { calls, publisher, clock } = setUp();
    publisher.publish('a', ref('a'), { ...running, podIP: '1', message: 'm' }, 'normal');
    await calls[0]!.answer({ ...running, podIP: '1' });
    const waits: number[] = [];
    for (let i = 1; i < 6; i++) {
      await calls[i]!.answer(i % 2 === 0 ? { ...running, podIP: '1' } : { ...running, message: 'm' });
      waits.push(clock.nextIn!);
      await clock.advanceAsync(clock.nextIn!);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16000]);
  });

  test('what is new does not wait for the pause before a repair', async () => {
    const { calls, publisher, clock } = setUp();
    publisher.publish('a', ref('a'), { ...running, message: 'dropped' }, 'normal');
    await calls[0]!.answer(running);
    await calls[1]!.answer(running);
    for (let i = 2; i < 9; i++) {
      await clock.advanceAsync(clock.nextIn!);
      await calls[i]!.answer(running);
    }
    expect([calls.length, clock.nextIn]).toEqual([9, 60_000]);
    publisher.publish('a', ref('a'), { phase: 'Failed', message: 'dropped' }, 'urgent');
    expect(calls[9]?.body.status).toMatchObject({ phase: 'Failed' });
    await calls[9]!.answer({ phase: 'Failed', message: 'dropped' });
    expect([calls.length, clock.pending]).toEqual([10, 0]);
  });

  test('what is undone after a long peace is repaired at once', async () => {
    const { calls, publisher, clock } = setUp();
    publisher.publish('a', ref('a'), { ...running, podIP: '1' }, 'normal');
    await calls[0]!.answer({ ...running, podIP: '1' });
    for (const [count, version] of [
      [2, 200],
      [3, 300],
    ] as const) {
      publisher.observeApi('a', pod('a', { ...running, podIP: '9', reason: `r${version}` }, version));
      expect(calls).toHaveLength(count);
      await calls.at(-1)!.answer({ ...running, podIP: '1' });
      await clock.advanceAsync(120_000);
    }
  });

  test('a re-created mirror Pod is a new object', async () => {
    const { calls, publisher } = setUp();
    publisher.observeApi('s', pod('m', running, 1, 'mirror-1'));
    publisher.publish('s', ref('m', 'mirror-1'), running, 'normal');
    publisher.publish('s', ref('m', 'mirror-1'), { phase: 'Failed' }, 'urgent');
    publisher.observeApi('s', pod('m', { phase: 'Pending' }, 9, 'mirror-2'));
    publisher.publish('s', ref('m', 'mirror-2'), { phase: 'Failed' }, 'urgent');
    expect(calls.map((c) => c.uid)).toEqual(['mirror-1', 'mirror-2']);
    expect(calls[0]!.signal.aborted).toBe(true);
    await calls[0]!.answer({ phase: 'Failed' });
    expect(publisher.accepted('s')).toBeUndefined();
    await calls[1]!.answer({ phase: 'Failed' });
    expect(publisher.accepted('s')).toEqual({ phase: 'Failed' });
  });

  test('forget aborts, and nothing of the Pod is reported any more', async () => {
    const { calls, accepted, problems, publisher, clock } = setUp();
    publisher.publish('a', ref('a'), running, 'normal');
    publisher.publish('b', ref('b'), running, 'normal');
    publisher.forget('a');
    expect(calls[0]!.signal.aborted).toBe(true);
    await calls[0]!.fail(new Error('aborted'));
    publisher[Symbol.dispose]();
    await calls[1]!.answer(running);
    expect([accepted, problems, clock.pending]).toEqual([[], [], 0]);
  });
});

describe('lanes', () => {
  const isReady = (status: string): PodStatus => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] });
  test.each([
    [undefined, { phase: 'Pending' }, 'normal'],
    [isReady('False'), isReady('True'), 'urgent'],
    [isReady('True'), isReady('False'), 'urgent'],
    [isReady('True'), isReady('True'), 'normal'],
    [running, { phase: 'Failed' }, 'urgent'],
    [{ phase: 'Failed' }, { phase: 'Failed' }, 'normal'],
  ])('%j → %j: %s', (before, wanted, expected) => expect(laneFor(before, wanted)).toBe(expected));

  test('an item waits once and keeps its place', () => {
    const queue = new LaneQueue<string>();
    for (const item of ['a', 'b', 'a', 'c']) queue.push(item, 'normal');
    queue.push('c', 'urgent');
    queue.push('c', 'normal');
    queue.delete('b');
    expect([queue.size, queue.shift(), queue.shift(), queue.shift()]).toEqual([2, 'c', 'a', undefined]);
  });
});
