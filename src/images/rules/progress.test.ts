import { summarize, type Transfer } from './progress.ts';

test.each<[string, Transfer[], object]>([
  ['nothing is fetched', [], { offset: 0, total: 0, parts: 0 }],
  ['times are not known', [{ offset: 5, total: 10 }], { offset: 5, total: 10, parts: 1 }],
  [
    'two layers, one a second old and one just begun',
    [
      { offset: 1000, total: 4000, startedAt: 7_000, updatedAt: 9_000 },
      { offset: 100, total: 1000, startedAt: 9_900, updatedAt: 10_000 },
    ],
    { offset: 1100, total: 5000, parts: 2, bytesPerSecond: 500, idleMs: 0 },
  ],
  [
    'a registry that has stopped sending',
    [{ offset: 1000, total: 4000, startedAt: 0, updatedAt: 2_000 }],
    { offset: 1000, total: 4000, parts: 1, bytesPerSecond: 500, idleMs: 8_000 },
  ],
  [
    'a clock that was set back',
    [{ offset: 1, total: 2, startedAt: 30_000, updatedAt: 20_000 }],
    { offset: 1, total: 2, parts: 1, idleMs: 0 },
  ],
])('%s', (_name, transfers, expected) => {
  expect(summarize(transfers, false, 10_000)).toEqual({ shared: false, ...expected });
});
