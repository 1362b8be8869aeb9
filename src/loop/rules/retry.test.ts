import type { Slot } from '../slot.ts';
import { isSlotOpen, slotRetryAt, spread } from './retry.ts';

const action = { kind: 'k', slot: 's' };
const error = { reason: 'Internal', message: 'm', settled: true };
const after = (more: object, failures = 0): Slot<typeof action> => ({
  failures,
  last: { action, startedAt: 0, endedAt: 1_000, opensAt: 0, ...more },
});

test.each<[string, Slot<typeof action> | undefined, boolean]>([
  ['never used', undefined, true],
  ['in use', { failures: 0, running: { action, since: 0, aborting: false } }, false],
  ['in use again', { ...after({}), running: { action, since: 0, aborting: false } }, false],
  ['about to be used', { failures: 0 }, true],
  ['used', after({}), true],
  ['closed until the next read', after({ opensAt: 6 }), false],
  ['closed until this read', after({ opensAt: 5 }), true],
  ['closed until an earlier one', after({ opensAt: 4 }), true],
])('a slot at read 5: %s', (_what, slot, open) => expect(isSlotOpen(slot, 5)).toBe(open));

test('a slot that no read has reopened, and one that never was closed, before the first read', () => {
  expect([isSlotOpen(after({ opensAt: 1 }), 0), isSlotOpen(after({}), -1)]).toEqual([false, true]);
});

test('250 ms that double to 10 s, spread by a quarter; nothing without a failure', () => {
  expect([undefined, { failures: 3 }, after({}, 3), after({ error }, 0)].map((one) => slotRetryAt(one, 0.5))).toEqual([
    ...[0, 0, 0, 0],
  ]);
  const waits = [1, 2, 3, 7, 50].map((failures) => slotRetryAt(after({ error }, failures), 0.5) - 1_000);
  const bases = [250, 500, 1_000, 10_000, 10_000];
  expect(waits.map((wait, i) => wait >= 0.75 * bases[i]! && wait <= 1.25 * bases[i]!)).toEqual(Array(5).fill(true));
});

test('the spread is fixed for a seed and a step, even, and the same in every release: recorded decisions are made again', () => {
  expect([spread(1_000, 0.25, 1), spread(1_000, 0.5, 1), spread(1_000, 0.25, 2)].map(Math.round)).toEqual([
    948, 870, 1207,
  ]);
  const all = Array.from({ length: 400 }, (_, i) => spread(1, (i % 20) / 20, Math.floor(i / 20)));
  expect(Math.min(...all)).toBeCloseTo(0.75, 1);
  expect(Math.max(...all)).toBeCloseTo(1.25, 1);
  expect(all.reduce((sum, n) => sum + n) / all.length).toBeCloseTo(1, 1);
});
