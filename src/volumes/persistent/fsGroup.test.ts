import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodEvent } from '../../events/event.ts';
import { podOf } from './fake/attachedKind.ts';
import { ownByGroup } from './fsGroup.ts';

const group = process.getgid!();
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fs-group-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A volume of a Pod with three files that the group cannot write. */
function volume() {
  const path = join(root, 'pods/uid-1/volumes/kubernetes.io~local-volume/pv');
  mkdirSync(path, { recursive: true });
  for (const name of ['a', 'b', 'c']) writeFileSync(join(path, name), '', { mode: 0o600 });
  return path;
}
const modeOf = (path: string) => statSync(path).mode & 0o7777;
const { signal } = new AbortController();

function stepOf(securityContext: object | undefined, again = false) {
  const events: PodEvent[] = [];
  const said: (string | undefined)[] = [];
  const pod = podOf('uid-1', securityContext ? { securityContext } : {});
  const event = (one: PodEvent) => void events.push(one);
  const progress = (message: string | undefined) => void said.push(message);
  return { events, said, step: { pod, again, signal, event, progress } };
}

test('without a group nothing is touched; with one every file is its own', async () => {
  const path = volume();
  await ownByGroup(stepOf(undefined).step, path);
  expect(modeOf(join(path, 'a'))).toBe(0o600);
  await ownByGroup(stepOf({ fsGroup: group }).step, path);
  expect([modeOf(join(path, 'a')), modeOf(path) & 0o2770]).toEqual([0o660, 0o2770]);
});

test.each([
  ['OnRootMismatch', false],
  ['Always', true],
])('%s, and a volume that was published before, is looked at and not walked', async (fsGroupChangePolicy, again) => {
  const path = volume();
  await ownByGroup(stepOf({ fsGroup: group }).step, path);
  chmodSync(join(path, 'a'), 0o600);
  await ownByGroup(stepOf({ fsGroup: group, fsGroupChangePolicy }, again).step, path);
  expect(modeOf(join(path, 'a'))).toBe(0o600);
});

test('a walk that takes long says so after 30 s, and then once a minute', async () => {
  const path = volume();
  for (let i = 0; i < 40; i++) writeFileSync(join(path, `more-${i}`), '');
  const { step, events, said } = stepOf({ fsGroup: group });
  let now = 0;
  await ownByGroup(step, path, () => {
    now += 15_000;
    return now;
  });
  const shown = 'uid-1/volumes/kubernetes.io~local-volume/pv';
  expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(
    events.map(() => 'Warning VolumePermissionChangeInProgress'),
  );
  expect(events[0]?.message).toMatch(
    new RegExp(
      `^Setting volume ownership for ${shown} is taking longer than expected, consider using OnRootMismatch - `,
    ),
  );
  for (const { message } of events.slice(1))
    expect(message).toMatch(new RegExp(`^Setting volume ownership for ${shown}, processed \\d+ files\\.$`));
  expect(said.at(-1)).toMatch(/^its group is being set on each file, \d+ so far$/);
});
