// Nothing is repeated as fast as the far side answers.
import { decide } from './decide.ts';
import type { PodFacts } from './facts.ts';
import {
  active,
  box,
  ended,
  factsOf,
  later,
  node,
  now,
  podOf,
  prepared,
  runtime,
  sandbox,
  spec,
  starts,
} from './testing.ts';

const pod = podOf(spec('Always', 'a'));
const at = (facts: Partial<PodFacts>, time = now) => decide(factsOf(pod, facts), active, time);
const deleting = podOf(spec('Always', 'a'), {}, { deletionTimestamp: '2026-01-01T01:00:00Z' });

test('a mirror Pod that was made and does not show is made again after a second', () => {
  const mirror = ended({ kind: 'syncMirror', slot: 'mirror', wanted: 'current' });
  const facts = { origin: 'file', mirror: { state: 'absent' }, slots: { ...prepared, mirror } } as const;
  expect(starts(at(facts))).not.toContain('syncMirror mirror');
  expect(at(facts).wakeAt).toBe(mirror.last!.endedAt + 1000);
  expect(starts(at(facts, later(1)))).toContain('syncMirror mirror');
});

test('no mirror is made before the watch has shown which there are', () => {
  const facts = {
    origin: 'file',
    mirror: { state: 'absent' },
    node: { ...node, apiProblem: 'not connected yet' },
  } as const;
  expect(starts(at(facts))).not.toContain('syncMirror mirror');
});

test('a container that goes on after StopContainer is stopped again after a second', () => {
  const running = { runtime: runtime([box('a', 'running')]) };
  const first = decide(factsOf(deleting, running), active, now);
  const stop = first.start[0]!;
  const slots = { ...prepared, 'stop/a-0': ended(stop) };
  const look = (time: typeof now) => decide(factsOf(deleting, { ...running, slots }), first.memory, time);
  expect(starts(look(now))).toEqual([]);
  expect(starts(look(later(1)))).toEqual(['stopContainer a-0']);
});

test.each([
  [1, 250],
  [3, 1000],
  [20, 10_000],
])('sandbox %d follows one that had no address no sooner than %d ms after it was made', (attempt, pause) => {
  const made = ended({ kind: 'createSandbox', slot: 'sandbox', attempt: attempt - 1 });
  const dead = sandbox({ attempt: attempt - 1, ready: false });
  const memory = { ...active, stoppedSandboxes: [dead.id] };
  const slots = { ...prepared, sandbox: made };
  const look = (time: typeof now) =>
    decide(factsOf(pod, { runtime: runtime([], [dead]), slots }), memory, time).start.map((a) => a.kind);
  expect(look(now)).not.toContain('createSandbox');
  expect(look(later(pause / 1000))).toContain('createSandbox');
});

test('a defect of the rules meets one Pod: it is left as it is, says so, and is looked at again', () => {
  const broken = { ...factsOf(pod), slots: null } as unknown as PodFacts;
  const d = decide(broken, active, now);
  expect(d).toMatchObject({ memory: active, status: null, start: [], done: false, wakeAt: now.mono + 10_000 });
  expect(d.reasons).toEqual([{ code: 'InternalError', message: expect.stringContaining('null') }]);
});
