import { backoffDelay } from './backoff.ts';
import { Backoff } from './backoffCounter.ts';
import { MAX_TIMEOUT_MS, realClock, sleep } from './clock.ts';
import { asyncDisposable, disposable, Listeners } from './disposables.ts';
import { isAbort, KubeletError, prefixErrors, toError } from './errors.ts';
import { ManualClock } from './fake/manualClock.ts';
import { RateLimiter } from './limiter.ts';
import { createLogger } from './logger.ts';

describe('clock', () => {
  test('a timer beyond 31 bits does not fire at once and can be cancelled', async () => {
    let fired = false;
    const timer = realClock.setTimer(MAX_TIMEOUT_MS * 3, () => {
      fired = true;
    });
    await sleep(realClock, 5);
    timer[Symbol.dispose]();
    expect(fired).toBe(false);
  });

  test('sleep rejects with the reason of an abort', async () => {
    const controller = new AbortController();
    const waiting = sleep(realClock, 60_000, controller.signal);
    controller.abort(new Error('stop'));
    await expect(waiting).rejects.toThrow('stop');
  });

  test('a manual clock fires in order of time, and timers armed meanwhile', () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.setTimer(20, () => seen.push(`b@${clock.now().mono}`));
    clock.setTimer(10, () => {
      seen.push(`a@${clock.now().mono}`);
      clock.setTimer(5, () => seen.push(`c@${clock.now().mono}`));
    });
    clock.setTimer(12, () => seen.push('never'))[Symbol.dispose]();
    clock.advance(19);
    expect(seen).toEqual(['a@10', 'c@15']);
    clock.advance(1);
    expect(seen).toEqual(['a@10', 'c@15', 'b@20']);
    expect(clock.pending).toBe(0);
  });
});

describe('rate limiter', () => {
  test('lets the burst through, then qps, in order', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock, 10, 3);
    const done: number[] = [];
    const all = [0, 1, 2, 3, 4, 5].map((i) => limiter.acquire().then(() => done.push(i)));
    await clock.advanceAsync(0);
    expect(done).toEqual([0, 1, 2]);
    await clock.advanceAsync(100);
    expect(done).toEqual([0, 1, 2, 3]);
    await clock.advanceAsync(200);
    await Promise.all(all);
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('an aborted waiter gives its token back', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock, 1, 1);
    expect(limiter.tryAcquire()).toBe(true);
    const controller = new AbortController();
    const waiting = limiter.acquire(controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow();
    clock.advance(1000);
    expect(limiter.tryAcquire()).toBe(true);
    expect(limiter.tryAcquire()).toBe(false);
  });

  test('qps ≤ 0 is no limit', () => {
    const limiter = new RateLimiter(new ManualClock(), -1, 1);
    for (let i = 0; i < 1000; i++) expect(limiter.tryAcquire()).toBe(true);
  });
});

describe('backoff', () => {
  const policy = { initialMs: 100, maxMs: 1000, jitter: 0.5 };
  test.each([
    [0, 0, 100],
    [1, 0, 200],
    [3, 0, 800],
    [4, 0, 1000],
    [400, 0, 1000],
    [0, 1, 150],
    [9, 1, 1500],
  ])('attempt %d with random %d waits %d', (attempt, random, expected) => {
    expect(backoffDelay(policy, attempt, random)).toBe(expected);
  });

  test('reset starts again', () => {
    const backoff = new Backoff(policy, () => 0);
    expect([backoff.next(), backoff.next()]).toEqual([100, 200]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });
});

describe('errors', () => {
  test('carry code, reason and cause', () => {
    const cause = new Error('inner');
    class SpecialError extends KubeletError {}
    const error = new SpecialError('outer', { code: 'X', cause });
    expect(error).toMatchObject({ name: 'SpecialError', code: 'X', reason: 'X', cause });
    expect(toError('text').message).toBe('text');
    expect(isAbort(AbortSignal.abort().reason)).toBe(true);
    expect(isAbort(error)).toBe(false);
  });

  test('are told with what was being done; a result stays what it is', async () => {
    const cause = new Error('disk full');
    await expect(prefixErrors('save', () => Promise.reject(cause))).rejects.toMatchObject({
      message: 'save: disk full',
      cause,
    });
    expect(await prefixErrors('save', async () => 1)).toBe(1);
  });
});

describe('disposables', () => {
  test('run once', async () => {
    let runs = 0;
    const one = disposable(() => runs++);
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    const two = asyncDisposable(async () => void runs++);
    await Promise.all([two[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]);
    expect(runs).toBe(2);
  });

  test('listeners all run though one throws, and the error is not lost', () => {
    const listeners = new Listeners<[number]>();
    const seen: number[] = [];
    listeners.add(() => {
      throw new Error('broken listener');
    });
    const second = listeners.add((n) => seen.push(n));
    expect(() => listeners.emit(1)).toThrow('broken listener');
    second[Symbol.dispose]();
    expect(() => listeners.emit(2)).toThrow();
    expect(seen).toEqual([1]);
  });
});

describe('logger', () => {
  test('text lines carry bound fields, errors with causes, and respect the verbosity', () => {
    const lines: string[] = [];
    let verbosity = 0;
    const logger = createLogger({ write: (line) => lines.push(line), verbosity: () => verbosity });
    const child = logger.child({ pod: 'ns/name' });
    child.debug('hidden');
    verbosity = 4;
    child.debug('shown');
    child.error('failed', { error: new Error('outer', { cause: new Error('inner') }), skipped: undefined });
    expect(lines[0]).toMatch(/^I\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ kubelet-ts\] "shown" pod="ns\/name"\n$/);
    expect(lines[1]).toMatch(/^E.*"failed" pod="ns\/name" error="outer: inner"\n$/);
    expect(lines).toHaveLength(2);
  });

  test('json lines parse, big integers included', () => {
    const lines: string[] = [];
    const logger = createLogger({ format: 'json', write: (line) => lines.push(line), now: () => 12 });
    logger.info('hello', { bytes: 2n ** 60n, nested: { error: new Error('x') } });
    expect(JSON.parse(lines[0]!)).toEqual({
      ts: 12,
      level: 'info',
      v: 0,
      msg: 'hello',
      bytes: '1152921504606846976',
      nested: { error: 'x' },
    });
  });
});
