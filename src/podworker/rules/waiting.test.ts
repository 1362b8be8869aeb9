import type { ObservedContainer } from '../../cri/observed.ts';
import type { PodFacts, PodSlot } from './facts.ts';
import { box, ended, images, later, node, now, spec, turn, under } from './testing.ts';

type Decided = ReturnType<typeof turn>;
const shown = (d: Decided) => {
  const { state } = d.status?.containerStatuses?.[0] ?? {};
  return state?.waiting?.reason ?? (state?.terminated ? 'Terminated' : state?.running ? 'Running' : 'nothing');
};
const podSpec = spec('Always', 'a b');
const others = [box('b', 'running')];
const step = (
  before: Decided | undefined,
  a: ObservedContainer[],
  slots: Record<string, PodSlot>,
  at = now,
): Decided => {
  const facts: Partial<PodFacts> = { slots, node };
  return turn(podSpec, [...a, ...others], facts, before?.memory ?? {}, at);
};
const look = { kind: 'ensureImage', slot: 'image/a', container: 'a', image: 'img', policy: 'IfNotPresent' } as const;
const create = { kind: 'createContainer', slot: 'container/a', container: 'a', sandboxId: 's0', objects: '' } as const;

describe('a waiting reason stays while the next attempt is being made', () => {
  test('CrashLoopBackOff, until the container runs; not over its next end', () => {
    const dead = box('a', 'exited', { exitCode: 1, finishedAt: now.wall - 1000 });
    const backoff = { key: JSON.stringify(['a', 'img']), delayMs: 20_000, updatedAt: now.wall - 1000 };
    const first = turn(podSpec, [dead, ...others], { slots: images(1, 'a') }, { backoff: { a: backoff } });
    expect(shown(first)).toBe('CrashLoopBackOff');
    const due = later(30);
    const creating = step(first, [dead], { ...images(1, 'a'), 'container/a': under({ ...create, attempt: 1 }) }, due);
    expect(shown(creating)).toBe('CrashLoopBackOff');
    const made = box('a', 'created', { id: 'a-1', attempt: 1, restartCount: 1 });
    const starting = step(creating, [made, dead], images(1, 'a'), due);
    expect(shown(starting)).toBe('CrashLoopBackOff');
    const running = step(starting, [{ ...made, state: 'running' }, dead], images(1, 'a'), due);
    expect([shown(running), running.memory.waiting]).toEqual(['Running', undefined]);
    const again = { ...made, state: 'exited' as const, exitCode: 1, finishedAt: due.wall };
    const unseen = step(starting, [again, dead], { 'image/a': under({ ...look, attempt: 2 }) }, later(700));
    expect(shown(unseen)).toBe('Terminated');
  });

  test('ImagePullBackOff, while the image is pulled once more', () => {
    const failed = ended({ ...look, attempt: 0 }, { reason: 'ErrImagePull', message: 'm' }, { failures: 1 });
    const first = step(undefined, [], { 'image/a': failed }, later(5));
    expect(shown(first)).toBe('ImagePullBackOff');
    const retry = step(
      first,
      [],
      { 'image/a': { ...failed, running: under({ ...look, attempt: 0 }).running! } },
      later(11),
    );
    expect(shown(retry)).toBe('ImagePullBackOff');
    expect(shown(step(undefined, [], { 'image/a': under({ ...look, attempt: 0 }) }))).toBe('ContainerCreating');
  });

  test('CreateContainerConfigError, while the container is made once more', () => {
    const bad = ended(
      { ...create, attempt: 0 },
      { reason: 'CreateContainerConfigError', message: 'm' },
      { failures: 1 },
    );
    const image = ended({ ...look, attempt: 0 }, undefined, {});
    const first = step(undefined, [], {
      'image/a': { ...image, last: { ...image.last!, endedAt: now.mono } },
      'container/a': bad,
    });
    expect(shown(first)).toBe('CreateContainerConfigError');
    const retry = { ...bad, running: under({ ...create, attempt: 0 }).running! };
    expect(shown(step(first, [], { 'image/a': image, 'container/a': retry }, later(1)))).toBe(
      'CreateContainerConfigError',
    );
  });
});

test('after a create that failed the image is looked for again: it may have been collected', () => {
  const checked = ended({ ...look, attempt: 0 });
  const failed = ended(
    { ...create, attempt: 0 },
    { reason: 'CreateContainerError', message: 'no such image' },
    { failures: 1 },
  );
  const at = (endedAt: number) => ({ ...failed, last: { ...failed.last!, endedAt } });
  const kinds = (d: ReturnType<typeof step>) => d.start.map((a) => a.kind);
  const before = { ...checked, last: { ...checked.last!, endedAt: now.mono } };
  expect(kinds(step(undefined, [], { 'image/a': before, 'container/a': at(now.mono - 5_000) }, later(60)))).toEqual([
    'createContainer',
  ]);
  expect(kinds(step(undefined, [], { 'image/a': before, 'container/a': at(now.mono + 5_000) }, later(60)))).toEqual([
    'ensureImage',
  ]);
});
