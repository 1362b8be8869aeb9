// A static Pod after a restart of the agent: its past is in its mirror.
import { decide } from './decide.ts';
import type { PodFacts } from './facts.ts';
import { active, box, factsOf, later, now, podOf, runtime, spec } from './testing.ts';

const began = '2025-12-24T00:00:00Z';
const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2025-12-24T00:00:05Z' } as const;
const accepted = { phase: 'Running', startTime: began, conditions: [ready] } as const;
const pod = podOf(spec('Always', 'a'), { status: { phase: 'Pending' } });
const at = (facts: Partial<PodFacts>, memory = active, time = now) =>
  decide(factsOf(pod, { origin: 'file', runtime: runtime([box('a', 'running')]), ...facts }), memory, time);
const readySince = (d: ReturnType<typeof at>) =>
  d.status?.conditions?.find((c) => c.type === 'Ready')?.lastTransitionTime;

test('start and times of the conditions are as the mirror has them, however late it comes to be known', () => {
  const known = { mirror: { state: 'current' as const }, accepted };
  const atOnce = at(known);
  expect([atOnce.status?.startTime, readySince(atOnce)]).toEqual([began, ready.lastTransitionTime]);
  const before = at({ mirror: { state: 'absent' } });
  expect(before.status?.startTime).not.toBe(began);
  const then = at(known, before.memory, later(5));
  expect([then.status?.startTime, readySince(then)]).toEqual([began, ready.lastTransitionTime]);
  expect(at({ ...known, accepted: { ...accepted, startTime: 'x' } }, then.memory, later(6)).status?.startTime).toBe(
    began,
  );
});

test('a Pod that began in the very second of the restart has a past too', () => {
  const second = new Date(now.wall).toISOString().replace('.000', '');
  const alone = at({ mirror: { state: 'absent' }, runtime: null });
  expect(alone.status?.startTime).toBe(second);
  const known = { mirror: { state: 'current' as const }, accepted: { ...accepted, startTime: second } };
  expect(readySince(at(known, alone.memory))).toBe(ready.lastTransitionTime);
});

test('a mirror that this agent made is no past: what is remembered may be a step ahead of it', () => {
  const second = new Date(now.wall).toISOString().replace('.000', '');
  const made = at({ mirror: { state: 'current' }, accepted: { phase: 'Pending' } });
  const written = { mirror: { state: 'current' as const }, accepted: { ...accepted, startTime: second } };
  expect(readySince(at(written, made.memory, later(3)))).toBe(second);
});

test('an unread runtime says nothing new: the mirror stays Running', () => {
  const d = at({ runtime: null, mirror: { state: 'current' }, accepted });
  expect(d.status?.phase).toBe('Running');
});

test.each([
  ['of another version of the manifest', { mirror: { state: 'stale' as const }, accepted }],
  [
    'of an earlier life that has ended',
    { mirror: { state: 'current' as const }, accepted: { ...accepted, phase: 'Failed' as const } },
  ],
  ['that was just made and has no past', { mirror: { state: 'current' as const }, accepted: { phase: 'Pending' } }],
])('a mirror %s is no past of this Pod', (_, facts) => {
  expect(at(facts).status?.startTime).toBe(new Date(now.wall).toISOString().replace('.000', ''));
});
