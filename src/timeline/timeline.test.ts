import { coverage, explainedSpans } from './coverage.ts';
import { Ring, type TimelineEntry } from './entries.ts';
import type { PodRecord } from './recorder.ts';
import { timelineText } from './timelineText.ts';
import { why, whyText } from './why.ts';

const wall = Date.UTC(2026, 0, 2, 3, 4, 5);
const at = (mono: number) => ({ wall: wall + mono, mono });
const action = (from: number, end: number, name = 'createSandbox'): TimelineEntry => ({
  kind: 'action',
  at: at(from),
  action: name,
  slot: 'sandbox',
  end,
});
const waits = (mono: number, more = true): TimelineEntry => ({
  kind: 'reasons',
  at: at(mono),
  reasons: more ? [{ code: 'Admission' }] : [],
});

test('a ring keeps the newest items, and counts what it forgot', () => {
  const ring = new Ring<number>(8);
  for (let n = 0; n < 100; n++) ring.push(n);
  expect(ring.items.at(-1)).toBe(99);
  expect(ring.items.length).toBeGreaterThanOrEqual(8);
  expect(ring.items.length).toBeLessThanOrEqual(10);
  expect(ring.items[0]).toBe(ring.dropped);
});

test.each<[string, TimelineEntry[], number]>([
  ['nothing', [], 0],
  ['an action', [action(10, 60)], 0.5],
  ['two actions at the same time count once', [action(10, 60), action(20, 50)], 0.5],
  ['a part of an action that began before', [action(-100, 25)], 0.25],
  ['a part of an action that ends later', [action(75, 500)], 0.25],
  ['a wait until it is over', [waits(0), waits(30, false)], 0.3],
  ['a wait that goes on', [waits(90)], 0.1],
  ['one wait after the other', [waits(0), waits(50), waits(80, false)], 0.8],
  ['actions and waits', [waits(0), waits(40, false), action(30, 70)], 0.7],
  ['in whatever order they were written', [action(30, 70), waits(40, false), waits(0)], 0.7],
  ['what happened outside', [action(-50, -1), action(101, 200)], 0],
  ['what only tells', [{ kind: 'phase', at: at(10), phase: 'Active' }], 0],
])('the share of a stretch that is explained: %s', (_, entries, share) => {
  expect(coverage(entries, { from: 0, to: 100 })).toBeCloseTo(share);
});

test('the stretches themselves', () => {
  expect(explainedSpans([waits(5), action(7, 9), waits(8, false)], 100)).toEqual([
    { from: 7, to: 9 },
    { from: 5, to: 8 },
  ]);
});

function record(reasons: PodRecord['reasons'], entries: TimelineEntry[] = []): PodRecord {
  const ring = new Ring<TimelineEntry>(100);
  for (const entry of entries) ring.push(entry);
  return {
    uid: 'u1',
    namespace: 'shop',
    name: 'web',
    phase: 'Active',
    reasons,
    holds: [],
    entries: ring,
  } as unknown as PodRecord;
}

test('why, as text', () => {
  expect(whyText(why(record([]), 0))).toBe('shop/web (u1) is Active: nothing holds it back.\n');
  const reasons = [{ code: 'CreatingSandbox', since: 1000 } as const, { code: 'Admission' } as const];
  expect(whyText(why(record(reasons), 3500))).toBe(
    `shop/web (u1) is Active:
  - the runtime is creating the Pod sandbox (network included) for 2.5 s
  - the node is reserving resources for the Pod
`,
  );
});

test('why names what the Pod has for itself', () => {
  const holding: PodRecord = { ...record([]), holds: ['main: vendor.example/gpu gpu-0', 'main: x\n  - y'] };
  expect(whyText(why(holding, 0))).toBe(
    `shop/web (u1) is Active: nothing holds it back.
it has for itself:
  - main: vendor.example/gpu gpu-0
  - main: x\\n  - y
`,
  );
  expect(why(holding, 0).holds).toEqual(holding.holds);
  expect(why(record([]), 0)).not.toHaveProperty('holds');
});

test('what others chose neither steers the terminal nor looks like a line of ours', () => {
  const error = 'no\n  - all is well\x1b[2J\u009b2J\r';
  const reason = { code: 'SandboxFailed', message: error, retryAt: 0 } as never;
  const shown = String.raw`no\n  - all is well\u001b[2J\u009b2J\u000d`;
  expect(whyText(why(record([reason]), 0)).split('\n')).toEqual([
    expect.anything(),
    expect.stringContaining(shown),
    '',
  ]);
  const entry: TimelineEntry = { kind: 'status', at: at(0), summary: 'Running', end: 1, error };
  expect(timelineText(record([], [entry])).split('\n')).toEqual([
    expect.anything(),
    expect.stringContaining(shown),
    '',
  ]);
});

test('the timeline, as text', () => {
  expect(timelineText(record([]))).toBe('shop/web: nothing recorded yet.\n');
  const text = timelineText(
    record(
      [],
      [
        { kind: 'heard', at: at(0), origin: 'api', createdAt: wall - 40 },
        action(10, 90),
        waits(5),
        { kind: 'status', at: at(90), summary: 'Running', end: 100, error: 'conflict' },
      ],
    ),
  );
  const bar = (from: number, sign: string) => `|${' '.repeat(from)}${sign.padEnd(32 - from)}|`;
  expect(text.split('\n')).toEqual([
    'shop/web (u1) since 2026-01-02T03:04:05.000Z',
    `       +0.0 ms              ${bar(0, '.')} heard of it from api, created 40 ms ago`,
    `       +5.0 ms              ${bar(1, '.')} waits: the node is reserving resources for the Pod`,
    `      +10.0 ms      80.0 ms ${bar(3, '='.repeat(26))} createSandbox (sandbox)`,
    `      +90.0 ms      10.0 ms ${bar(28, '====')} status write: Running failed: conflict`,
    '',
  ]);
});
