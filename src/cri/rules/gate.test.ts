import type { WaitingCall } from './gate.ts';
import { byTurn, decideGate, positionOf, SLOW_CALL_MS } from './gate.ts';

const w = (priority: 0 | 1, podStarted: number, arrived: number): WaitingCall => ({ priority, podStarted, arrived });
const NOW = 10_000;

test.each([
  ['nothing waits', [], [], 2, [], undefined],
  ['room for all', [w(1, 5, 1)], [], 2, [1], undefined],
  ['the oldest Pod first', [w(1, 9, 1), w(1, 3, 2), w(1, 6, 3)], [], 2, [2, 3], NOW + SLOW_CALL_MS],
  ['static Pods before older ones', [w(1, 1, 1), w(0, 9, 2)], [], 1, [2], NOW + SLOW_CALL_MS],
  ['equals by arrival', [w(1, 5, 2), w(1, 5, 1)], [], 1, [1], NOW + SLOW_CALL_MS],
  ['full', [w(0, 1, 1)], [NOW - 1500, NOW - 10], 2, [], NOW + 500],
  ['slow calls do not count', [w(1, 1, 1)], [NOW - SLOW_CALL_MS, NOW - 9000], 1, [1], undefined],
  ['one slow, one young', [w(1, 1, 1)], [NOW - 5000, NOW - 100], 1, [], NOW + SLOW_CALL_MS - 100],
] as const)('%s', (_, waiting, running, limit, start, wakeAt) => {
  const decision = decideGate(waiting, running, limit, NOW);
  expect(decision.start.map((s) => s.arrived)).toEqual(start);
  expect(decision.wakeAt).toBe(wakeAt);
});

test('for any queue: never over the limit, never idle while calls wait, always in turn', () => {
  let seed = 3;
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  for (let round = 0; round < 500; round++) {
    const limit = 1 + random(6);
    const waiting = Array.from({ length: random(12) }, (_, i) => w(random(4) === 0 ? 0 : 1, random(5), i));
    const running = Array.from({ length: random(9) }, () => NOW - random(4000));
    const { start, wakeAt } = decideGate(waiting, running, limit, NOW);
    const young = running.filter((at) => NOW - at < SLOW_CALL_MS).length;
    expect(start.length).toBe(Math.min(waiting.length, Math.max(0, limit - young)));
    const rest = waiting.filter((x) => !start.includes(x));
    for (const s of start) for (const r of rest) expect(byTurn(s, r)).toBeLessThan(0);
    if (rest.length > 0) expect(wakeAt).toBeGreaterThan(NOW);
    else expect(wakeAt).toBeUndefined();
  }
});

test('positions count those before', () => {
  const waiting = [w(1, 9, 1), w(1, 3, 2), w(0, 99, 3)];
  expect([1, 2, 3, 4].map((arrived) => positionOf(waiting, arrived))).toEqual([2, 1, 0, undefined]);
});
