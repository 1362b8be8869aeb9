import { ManualClock } from '../lib/fake/manualClock.ts';
import { StartGate } from './gate.ts';

/** A gate whose calls end when told to. */
function setUp(limit: number) {
  const clock = new ManualClock();
  const gate = new StartGate({ clock, limit });
  const sent: string[] = [];
  const ends = new Map<string, () => void>();
  const call = (key: string, podStarted: number, priority: 0 | 1 = 1, signal?: AbortSignal) =>
    gate.run(
      { key, podStarted, priority },
      () => {
        sent.push(key);
        return new Promise<string>((resolve) => ends.set(key, () => resolve(key)));
      },
      signal,
    );
  const end = async (key: string) => {
    ends.get(key)?.();
    await clock.advanceAsync(0);
  };
  return { clock, gate, sent, call, end };
}

test('calls wait for a place and go in turn', async () => {
  const { gate, sent, call, end } = setUp(1);
  const results = [call('a', 5), call('b', 9), call('c', 7), call('static', 10, 0)];
  expect(sent).toEqual(['a']);
  expect(['a', 'static', 'c', 'b'].map((k) => gate.position(k))).toEqual([undefined, 0, 1, 2]);
  expect(gate.load).toEqual({ waiting: 3, running: 1 });
  for (const key of ['a', 'static', 'c', 'b']) await end(key);
  expect(sent).toEqual(['a', 'static', 'c', 'b']);
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'static']);
  expect(gate.load).toEqual({ waiting: 0, running: 0 });
});

test('a slow call gives its place up after two seconds', async () => {
  const { clock, sent, call, end } = setUp(1);
  const stuck = call('stuck', 1);
  const next = call('next', 2);
  clock.advance(1999);
  expect(sent).toEqual(['stuck']);
  clock.advance(1);
  expect(sent).toEqual(['stuck', 'next']);
  await end('next');
  await end('stuck');
  expect(await Promise.all([stuck, next])).toEqual(['stuck', 'next']);
  expect(clock.pending).toBe(0);
});

test('aborting in the queue leaves at once and sends nothing', async () => {
  const { clock, gate, sent, call, end } = setUp(1);
  const first = call('first', 1);
  const abort = new AbortController();
  const waiting = call('waiting', 2, 1, abort.signal);
  abort.abort(new Error('Pod is gone'));
  await expect(waiting).rejects.toThrow('Pod is gone');
  expect(gate.position('waiting')).toBeUndefined();
  expect(clock.pending).toBe(0);
  await end('first');
  await first;
  expect(sent).toEqual(['first']);
  await expect(call('late', 3, 1, abort.signal)).rejects.toThrow('Pod is gone');
});

test('aborting a call under way leaves its place taken until it ends', async () => {
  const { sent, call, end } = setUp(1);
  const abort = new AbortController();
  const running = call('running', 1, 1, abort.signal);
  void call('next', 2);
  abort.abort();
  expect(sent).toEqual(['running']);
  await end('running');
  expect(await running).toBe('running');
  expect(sent).toEqual(['running', 'next']);
});

test('failures and throws free the place', async () => {
  const { gate, clock } = setUp(1);
  const ticket = { key: 'x', podStarted: 0, priority: 1 } as const;
  await expect(gate.run(ticket, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  await expect(
    gate.run(ticket, () => {
      throw new Error('thrown');
    }),
  ).rejects.toThrow('thrown');
  await clock.advanceAsync(0);
  expect(await gate.run(ticket, async () => 'ok')).toBe('ok');
});

test('disposing leaves no timer; the default limit grows with the cores', () => {
  const { clock, gate, call } = setUp(1);
  void call('a', 1);
  void call('b', 2);
  expect(clock.pending).toBe(1);
  gate[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  expect(new StartGate({ clock }).limit).toBeGreaterThanOrEqual(4);
  expect(new StartGate({ clock, perCore: 0 }).limit).toBe(1);
});
