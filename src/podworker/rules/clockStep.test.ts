// The wall clock is set while a Pod ends or waits: what counts is the time that really passes.
import type { Pod } from '../../types/k8s.ts';
import { type Decision, decide } from './decide.ts';
import type { PodFacts } from './facts.ts';
import type { PodMemory } from './memory.ts';
import { active, box, factsOf, now, podOf, prepared, runtime, spec, turn, under } from './testing.ts';

/** Seconds later, with the wall clock set by `step` seconds meanwhile. */
const after = (seconds: number, step: number) => ({
  wall: now.wall + (seconds + step) * 1000,
  mono: now.mono + seconds * 1000,
});
const deleting: Pod = podOf(
  { ...spec('Always', 'a'), terminationGracePeriodSeconds: 600 },
  {},
  { deletionTimestamp: '2026-01-01T01:00:00Z', deletionGracePeriodSeconds: 600 },
);
const running: Partial<PodFacts> = { runtime: runtime([box('a', 'running')]) };
const begun = (): Decision => decide(factsOf(deleting, running), active, now);

test.each([3600, -3600, 2])('a grace period of 600 s has 590 s left after 10 s, the clock set by %d s', (step) => {
  const first = begun();
  const at = after(10, step);
  const { start, memory } = decide(factsOf(deleting, running), first.memory, at);
  expect(start).toMatchObject([{ kind: 'stopContainer', seconds: 590 }]);
  expect(memory.termination!.deadline - at.wall).toBe(590_000);
});

test.each([3600, -3600])('a StopContainer under way is not cut short, the clock set by %d s', (step) => {
  const first = begun();
  const slots = { ...prepared, 'stop/a-0': under(first.start[0]!, now.mono) };
  const second = decide(factsOf(deleting, { ...running, slots }), first.memory, after(10, step));
  expect(second.abort).toEqual([]);
});

test('slewing and a first look change nothing', () => {
  const first = begun();
  const { memory } = decide(factsOf(deleting, running), first.memory, after(10, 0.4));
  expect(memory.termination).toEqual(first.memory.termination);
  const { clockOffset: _, ...unknown } = first.memory;
  const again = decide(factsOf(deleting, running), unknown as PodMemory, after(10, 3600));
  expect(again.memory.termination).toEqual(first.memory.termination);
});

test.each([5, 60, 300, 3600])(
  'a container that ended "in the future" does not wait for the clock to come there: set back by %i s',
  (seconds) => {
    const finishedAt = now.wall - 1000;
    const dead = [box('a', 'exited', { finishedAt, exitCode: 1 })];
    const backoff = { a: { key: JSON.stringify(['a', 'img']), delayMs: 160_000, updatedAt: finishedAt - 5000 } };
    const before = turn(spec('Always', 'a'), dead, {}, { backoff });
    expect(before.reasons.map((r) => r.code)).toContain('CrashLoopBackOff');
    const back = turn(spec('Always', 'a'), dead, {}, before.memory, after(1, -seconds));
    expect(back.reasons.map((r) => r.code)).not.toContain('CrashLoopBackOff');
  },
);
