import type { AttemptResult, ProbeRun } from './run.ts';
import { applyResult, earlyOffsets, newRun, nextProbe } from './run.ts';
import type { ProbeKind, ProbeSpec } from './spec.ts';
import { PROBE_KINDS, probeSpec } from './spec.ts';

const OPEN = { started: true, readinessOnly: false };
const STARTING = { started: false, readinessOnly: false };
const gatesFor = (kind: ProbeKind) => (kind === 'startup' ? STARTING : OPEN);

function spec(kind: ProbeKind, over: Partial<ProbeSpec> = {}): ProbeSpec {
  return { ...probeSpec(kind, {}), ...over };
}

/** Attempts of a fresh run that always end at once in the same way: the moments at which they were made. */
function moments(s: ProbeSpec, result: AttemptResult, count: number, startedAt = 0): number[] {
  const times: number[] = [];
  let run = newRun(s, { startedAt }, startedAt);
  for (let now = startedAt; times.length < count; ) {
    const at = nextProbe(s, run, gatesFor(s.kind), now);
    if (at === undefined) break;
    times.push(at - startedAt);
    run = applyResult(s, run, result, at, at);
    now = at;
  }
  return times;
}

test('absent numbers get the defaults of the API', () => {
  expect(probeSpec('liveness', {})).toEqual({
    kind: 'liveness',
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 3,
  });
});

test.each([
  ['startup', 'unknown'],
  ['readiness', 'unknown'],
  ['liveness', 'success'],
] as const)('%s starts as %s', (kind, value) => {
  expect(newRun(spec(kind), { startedAt: 0 }, 0).value).toBe(value);
});

describe('schedule', () => {
  test.each<[string, ProbeSpec, AttemptResult, number[]]>([
    ['readiness tries early, then each period', spec('readiness'), 'failure', [0, 300, 1000, 11_000, 21_000]],
    ['readiness of 1 s', spec('readiness', { periodMs: 1000 }), 'failure', [0, 300, 1000, 2000, 3000]],
    ['readiness that succeeds', spec('readiness'), 'success', [0, 10_000, 20_000]],
    ['readiness with a delay', spec('readiness', { initialDelayMs: 5000 }), 'failure', [5000, 15_000, 25_000]],
    ['errors are tried on', spec('readiness'), 'error', [0, 300, 1000, 11_000]],
    [
      'startup: three counted failures, none before a period',
      spec('startup'),
      'failure',
      [0, 300, 1000, 10_000, 20_000, 30_000],
    ],
    ['startup with a delay', spec('startup', { initialDelayMs: 2000 }), 'failure', [2000, 12_000, 22_000]],
    ['startup passes once', spec('startup'), 'success', [0]],
    ['liveness waits a period', spec('liveness'), 'failure', [10_000, 20_000, 30_000]],
    [
      'liveness with a delay, fatal at the third',
      spec('liveness', { initialDelayMs: 1000 }),
      'failure',
      [1000, 11_000, 21_000],
    ],
  ])('%s', (_name, s, result, expected) => {
    expect(moments(s, result, expected.length)).toEqual(expected);
  });

  test.each([
    [0, 2_000, 10_000],
    [0, 9_999, 10_000],
    [0, 10_000, 20_000],
    [0, 23_000, 30_000],
    [5_000, 4_000, 14_000], // a clock that was set back
  ])(
    'liveness goes with the periods of its Pod, as in Go: Pod at %i, container at %i, first attempt at %i',
    (phase, startedAt, first) => {
      const s = spec('liveness');
      expect(nextProbe(s, newRun(s, { startedAt, phase }, startedAt), OPEN, startedAt)).toBe(first);
    },
  );

  test('after the fatal failure nothing more is attempted', () => {
    expect(moments(spec('liveness', { failureThreshold: 2 }), 'failure', 10)).toEqual([10_000, 20_000]);
    expect(moments(spec('startup', { failureThreshold: 1, initialDelayMs: 1 }), 'failure', 10)).toEqual([1]);
  });

  test('a slow attempt is followed at once by the one it delayed, in the old phase', () => {
    const s = spec('liveness', { periodMs: 1000 });
    const run = applyResult(s, newRun(s, { startedAt: 0 }, 0), 'success', 1000, 2700);
    expect(nextProbe(s, run, OPEN, 2700)).toBe(2700);
    expect(nextProbe(s, applyResult(s, run, 'success', 2700, 2701), OPEN, 2701)).toBe(3700);
  });

  test('the delay counts from the start of the container, not from when it was seen', () => {
    const s = spec('readiness', { initialDelayMs: 5000 });
    expect(nextProbe(s, newRun(s, { startedAt: 1000 }, 4000), OPEN, 4000)).toBe(6000);
    expect(nextProbe(s, newRun(s, { startedAt: 1000 }, 9000), OPEN, 9000)).toBe(9000);
  });

  test('a container of before our own start is spread and has no early attempts', () => {
    const s = spec('readiness');
    let run = newRun(s, { startedAt: -60_000, spreadMs: 4200 }, 0);
    expect(nextProbe(s, run, OPEN, 0)).toBe(4200);
    run = applyResult(s, run, 'failure', 4200, 4210);
    expect(nextProbe(s, run, OPEN, 4210)).toBe(14_200);
  });
});

describe('gates', () => {
  test.each<[ProbeKind, boolean, boolean, boolean]>([
    ['startup', false, false, true],
    ['startup', true, false, false],
    ['startup', false, true, false],
    ['readiness', false, false, false],
    ['readiness', true, false, true],
    ['readiness', true, true, true],
    ['liveness', false, false, false],
    ['liveness', true, false, true],
    ['liveness', true, true, false],
  ])('%s, started %s, ending %s: attempted %s', (kind, started, readinessOnly, attempted) => {
    const s = spec(kind);
    const at = nextProbe(s, newRun(s, { startedAt: 0 }, 0), { started, readinessOnly }, 0);
    expect(at !== undefined).toBe(attempted);
  });

  test('readiness goes ahead the moment startup passes', () => {
    const s = spec('readiness', { periodMs: 30_000 });
    expect(nextProbe(s, newRun(s, { startedAt: 0 }, 0), OPEN, 7000)).toBe(7000);
  });
});

describe('thresholds', () => {
  const feed = (s: ProbeSpec, results: string): ProbeRun => {
    let run = newRun(s, { startedAt: 0, spreadMs: 0 }, 0);
    for (const [i, char] of [...results].entries()) {
      const result = char === '+' ? 'success' : char === '-' ? 'failure' : 'error';
      run = applyResult(s, run, result, i * s.periodMs, i * s.periodMs, 'bad');
    }
    return run;
  };
  test.each<[ProbeKind, number, number, string, string, boolean]>([
    ['readiness', 1, 3, '+', 'success', false],
    ['readiness', 2, 3, '+', 'unknown', false],
    ['readiness', 2, 3, '+-+', 'unknown', false],
    ['readiness', 2, 3, '++', 'success', false],
    ['readiness', 1, 3, '+--', 'success', false],
    ['readiness', 1, 3, '+--+--', 'success', false],
    ['readiness', 1, 3, '+---', 'failure', false],
    ['readiness', 1, 3, '+---+', 'success', false],
    ['readiness', 1, 3, '+--e-', 'failure', false],
    ['liveness', 1, 3, '--', 'success', false],
    ['liveness', 1, 3, '---', 'failure', true],
    ['liveness', 1, 3, '--+--', 'success', false],
    ['liveness', 1, 3, 'eeee', 'success', false],
    ['startup', 1, 3, '--', 'unknown', false],
    ['startup', 1, 3, '--+', 'success', true],
    ['startup', 1, 3, '---', 'failure', true],
  ])('%s %i/%i after %s: %s, on hold %s', (kind, successThreshold, failureThreshold, results, value, onHold) => {
    expect(feed(spec(kind, { successThreshold, failureThreshold }), results)).toMatchObject({ value, onHold });
  });

  test('early failures of a young container do not count', () => {
    const s = spec('startup', { failureThreshold: 1 });
    let run = newRun(s, { startedAt: 0 }, 0);
    for (const offset of earlyOffsets(s)) {
      run = applyResult(s, run, 'failure', offset, offset, 'refused');
      expect(run).toMatchObject({ value: 'unknown', onHold: false, message: 'refused' });
    }
    expect(applyResult(s, run, 'failure', 10_000, 10_000)).toMatchObject({ value: 'failure', onHold: true });
  });
});

test('property: over random histories no verdict comes before its time or without its run of equal results', () => {
  let seed = 20261121;
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * n);
  };
  for (let round = 0; round < 80; round++) {
    const kind = PROBE_KINDS[random(3)]!;
    const s = spec(kind, {
      initialDelayMs: random(2) * random(20) * 1000,
      periodMs: (1 + random(10)) * 1000,
      successThreshold: kind === 'readiness' ? 1 + random(3) : 1,
      failureThreshold: 1 + random(4),
    });
    const startedAt = random(100_000);
    let run = newRun(s, { startedAt }, startedAt);
    let now = startedAt + random(3000);
    let equal = 0;
    let previous: AttemptResult | undefined;
    for (let i = 0; i < 30; i++) {
      const at = nextProbe(s, run, gatesFor(kind), now);
      if (at === undefined) {
        expect(run.onHold).toBe(true);
        break;
      }
      expect(at).toBeGreaterThanOrEqual(startedAt + s.initialDelayMs);
      expect(at).toBeGreaterThanOrEqual(now);
      expect(at - now).toBeLessThanOrEqual(Math.max(s.periodMs, startedAt + s.initialDelayMs + s.periodMs - now));
      const result = (['success', 'failure', 'failure', 'error'] as const)[random(4)]!;
      now = at + random(1500);
      const before = run;
      run = applyResult(s, run, result, at, now);
      if (result !== 'error') {
        equal = previous === result ? equal + 1 : 1;
        previous = result;
      }
      if (run.value === before.value) continue;
      expect(run.value).toBe(result);
      expect(equal).toBeGreaterThanOrEqual(result === 'success' ? s.successThreshold : s.failureThreshold);
      if (kind !== 'readiness' && result === 'failure' && s.initialDelayMs === 0) {
        expect(at).toBeGreaterThanOrEqual(startedAt + s.periodMs);
      }
    }
  }
});
