import type { PodFacts } from './facts.ts';
import { ended, later, now, spec, starts, turn, under, whys } from './testing.ts';

const look = {
  kind: 'ensureImage',
  slot: 'image/a',
  container: 'a',
  image: 'img',
  policy: 'IfNotPresent',
  attempt: 0,
} as const;
const waiting = (d: ReturnType<typeof turn>) => d.status?.containerStatuses?.[0]?.state?.waiting;
const at = (facts: Partial<PodFacts>, seconds = 0) => turn(spec('Always', 'a'), [], facts, {}, later(seconds));
const failed = (failures: number, reason = 'ErrImagePull') => ({
  'image/a': ended(look, { reason, message: 'm' }, { failures }),
});

test('the image is looked for before the container is made, once for each attempt', () => {
  expect(at({}).start).toEqual([look]);
  expect(starts(at({ slots: { 'image/a': ended(look) } }))).toEqual(['createContainer a']);
  expect(starts(at({ slots: { 'image/a': ended({ ...look, attempt: 7 }) } }))).toEqual(['ensureImage a']);
  expect(starts(at({ slots: { 'image/a': ended({ ...look, image: 'other' }) } }))).toEqual(['ensureImage a']);
});

test('a pull under way is explained with its progress', () => {
  const slots = { 'image/a': under(look) };
  expect(whys(at({ slots }))).toEqual(['CheckingImage a']);
  const d = at({ slots, pulls: { a: { doneBytes: 5, totalBytes: 10 } } });
  expect(d.reasons[0]).toMatchObject({ code: 'PullingImage', doneBytes: 5, totalBytes: 10, since: now.mono - 10 });
});

describe('a failed pull', () => {
  test.each([
    [1, 10],
    [2, 20],
    [3, 40],
    [5, 160],
    [6, 300],
    [40, 300],
  ])('after %i failures waits %i s', (failures, seconds) => {
    const slots = failed(failures);
    expect(starts(at({ slots }, seconds - 0.02))).toEqual([]);
    expect(starts(at({ slots }, seconds))).toEqual(['ensureImage a']);
  });

  test('shows its own error first, then the back-off', () => {
    expect(waiting(at({ slots: failed(1) }))).toEqual({ reason: 'ErrImagePull', message: 'm' });
    const d = at({ slots: failed(1) }, 5);
    expect(waiting(d)).toEqual({
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "img": ErrImagePull: m',
    });
    expect(d.events.map((e) => `${e.type} ${e.reason} ${e.message}`)).toEqual([
      'Normal BackOff Back-off pulling image "img"',
      'Warning Failed Error: ImagePullBackOff',
    ]);
    expect(d.wakeAt).toBe(now.mono - 10 + 10_000);
  });

  test('what is no pull error is shown as it is and tried again after 10 s', () => {
    const slots = failed(9, 'ErrImageNeverPull');
    expect([waiting(at({ slots }, 5))?.reason, whys(at({ slots }, 5))]).toEqual([
      'ErrImageNeverPull',
      ['ImageUnusable a'],
    ]);
    expect(starts(at({ slots }, 10))).toEqual(['ensureImage a']);
  });
});

describe('imagePullSecrets', () => {
  const key = 'Secret ns/cred';
  const known = (state: 'present' | 'absent' | 'unknown', version = '1') => ({
    pullObjects: [key],
    objects: { [key]: { state, version } },
  });

  test('are waited for, with the reason, but not for longer than a second', () => {
    const d = at(known('unknown'));
    expect(starts(d)).toEqual([]);
    expect(d.reasons).toContainEqual({ code: 'AwaitingObject', object: key, message: 'not read from the API yet' });
    expect(d.wakeAt).toBe(now.mono - 10 + 1000);
    expect(starts(at(known('unknown'), 1))).toEqual(['ensureImage a']);
    expect(starts(at(known('absent')))).toEqual(['ensureImage a']);
    expect(at(known('present')).start).toEqual([{ ...look, objects: `${key}@present:1` }]);
  });

  test('one that comes or changes ends the back-off of a pull at once', () => {
    const slots = {
      'image/a': ended({ ...look, objects: `${key}@absent:` }, { reason: 'ErrImagePull' }, { failures: 3 }),
    };
    expect(starts(at({ slots, pullObjects: [key], objects: { [key]: { state: 'absent' } } }))).toEqual([]);
    expect(at({ slots, ...known('present') }).start).toEqual([{ ...look, objects: `${key}@present:1`, anew: true }]);
    const never = { 'image/a': ended(look, { reason: 'ErrImageNeverPull' }, { failures: 1 }) };
    expect(starts(at({ slots: never, ...known('present') }))).toEqual([]);
  });
});
