import { ended, later, spec, starts, turn } from './testing.ts';

const image = { name: 'data', image: { reference: 'gone' } };
/** Two containers, of which none or b mounts an image volume. */
const unmounted = { ...spec('Always', 'a b'), volumes: [image] };
const mounts = [{ name: 'data', mountPath: '/data' }];
const pod = {
  ...unmounted,
  containers: (unmounted.containers ?? []).map((c) => (c.name === 'b' ? { ...c, volumeMounts: mounts } : c)),
};

const look = (container: string, image: string) =>
  ({ kind: 'ensureImage', slot: `image/${container}`, container, image, policy: 'IfNotPresent', attempt: 0 }) as const;
const there = { 'image/a': ended(look('a', 'img')), 'image/b': ended(look('b', 'img')) };
const volume = look('volume:data', 'gone');
const pulled = { ...there, 'image/volume:data': ended(volume) };
const failed = {
  ...there,
  'image/volume:data': ended(volume, { reason: 'ErrImagePull', message: 'm' }, { failures: 1 }),
};

test('an image volume is pulled whether or not a container mounts it', () => {
  expect(starts(turn(pod, [], { slots: there }))).toContain('ensureImage volume:data');
  expect(starts(turn(unmounted, [], { slots: there }))).toContain('ensureImage volume:data');
});

test('its container waits for it; others do not, even when it cannot be had', () => {
  expect(starts(turn(pod, [], { slots: there }))).toContain('createContainer a');
  expect(starts(turn(pod, [], { slots: there }))).not.toContain('createContainer b');
  expect(starts(turn(pod, [], { slots: pulled }))).toEqual(['createContainer a', 'createContainer b']);
  const d = turn(pod, [], { slots: failed }, {}, later(5));
  expect(starts(d)).toEqual(['createContainer a']);
  expect(d.status?.containerStatuses?.map(({ state }) => state?.waiting?.reason)).toEqual([
    'ContainerCreating',
    'ImagePullBackOff',
  ]);
});

test('a Pod that does not mount it runs without it', () => {
  expect(starts(turn(unmounted, [], { slots: failed }, {}, later(5)))).toEqual([
    'createContainer a',
    'createContainer b',
  ]);
});
