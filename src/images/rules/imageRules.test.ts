import { threadCpuMs } from '../../lib/fake/cpuTime.ts';
import type { ImageFact } from '../types.ts';
import { nextBackOff } from './backOff.ts';
import { decideImage, decisionEvents, type ImageQuestion } from './decideImage.ts';
import { pulledEvent } from './events.ts';
import { goDuration } from './goDuration.ts';
import { parseImageName } from './imageName.ts';
import { imageSizeLabel } from './imageSizeLabel.ts';
import { classifyPullError } from './pullError.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

describe('parseImageName', () => {
  test.each([
    ['busybox', 'docker.io/library/busybox', 'latest', undefined, 'busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox', '1.36', undefined, 'busybox:1.36'],
    ['user/app', 'docker.io/user/app', 'latest', undefined, 'user/app:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox', 'latest', undefined, 'docker.io/busybox:latest'],
    ['index.docker.io/busybox', 'docker.io/library/busybox', 'latest', undefined, 'index.docker.io/busybox:latest'],
    ['localhost/app', 'localhost/app', 'latest', undefined, 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app', 'latest', undefined, 'localhost:5000/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app', 'v1', undefined, 'localhost:5000/app:v1'],
    ['[::1]:5000/app', '[::1]:5000/app', 'latest', undefined, '[::1]:5000/app:latest'],
    ['Example/app', 'Example/app', 'latest', undefined, 'Example/app:latest'],
    [`reg.io/a/b@${digest}`, 'reg.io/a/b', undefined, digest, `reg.io/a/b@${digest}`],
    [`reg.io/a/b:v1@${digest}`, 'reg.io/a/b', 'v1', digest, `reg.io/a/b:v1@${digest}`],
  ])('%s', (image, repository, tag, wantDigest, withTag) => {
    expect(parseImageName(image)).toEqual({
      repository,
      ...(tag && { tag }),
      ...(wantDigest && { digest: wantDigest }),
      withTag,
    });
  });

  test.each([
    ['', 'couldn\'t parse image name "": invalid reference format'],
    [
      'Foo',
      'couldn\'t parse image name "Foo": invalid reference format: repository name (library/Foo) must be lowercase',
    ],
    ['foo:', 'couldn\'t parse image name "foo:": invalid reference format'],
    ['foo bar', 'couldn\'t parse image name "foo bar": invalid reference format'],
    ['a//b', 'couldn\'t parse image name "a//b": invalid reference format'],
    ['reg.io/a@sha256:abc', 'couldn\'t parse image name "reg.io/a@sha256:abc": invalid reference format'],
    [
      `reg.io/a@sha256:${'a'.repeat(40)}`,
      `couldn't parse image name "reg.io/a@sha256:${'a'.repeat(40)}": invalid checksum digest length`,
    ],
    [
      'a'.repeat(64),
      `couldn't parse image name "${'a'.repeat(64)}": invalid repository name (${'a'.repeat(64)}), cannot specify 64-byte hexadecimal strings`,
    ],
  ])('refuses %s', (image, error) => {
    expect(parseImageName(image)).toEqual({ error });
  });

  test('stays quick on hostile names', () => {
    const started = threadCpuMs();
    for (const image of [
      'a'.repeat(100_000),
      `${'a-'.repeat(510)}!`,
      `${'a.'.repeat(510)}/!`,
      `${'aA'.repeat(500)}/!`,
    ]) {
      expect(parseImageName(image)).toHaveProperty('error');
    }
    expect(threadCpuMs() - started).toBeLessThan(5_000);
  });
});

describe('decideImage', () => {
  const ask = (policy: ImageQuestion['policy'], now = 1000, since = 500): ImageQuestion => ({
    image: 'busybox',
    policy,
    since,
    now,
  });
  const fact = (more: Partial<ImageFact>): ImageFact => ({ ref: 'busybox', present: 'unknown', ...more });
  const there = fact({ present: true, imageId: 'sha256:1', checkedAt: 600 });
  const absent = fact({ present: false, checkedAt: 600 });
  const failed = (at: number, reason = 'ErrImagePull') =>
    fact({ present: false, checkedAt: 600, failure: { reason, message: 'no route', at, delayMs: 10_000 } });
  const use = { do: 'use', imageId: 'sha256:1', pulled: false };

  test.each<[string, ImageFact | undefined, ImageQuestion, unknown]>([
    ['nothing known, IfNotPresent', undefined, ask('IfNotPresent'), { do: 'check' }],
    ['nothing known, Never', undefined, ask('Never'), { do: 'check' }],
    ['nothing known, Always', undefined, ask('Always'), { do: 'pull' }],
    ['present, IfNotPresent', there, ask('IfNotPresent'), use],
    ['present, Never', there, ask('Never'), use],
    ['present, Always', there, ask('Always'), { do: 'pull' }],
    ['seen before this attempt', there, ask('IfNotPresent', 1000, 700), { do: 'check' }],
    ['pulled in this attempt, Always', fact({ ...there, pulledAt: 650 }), ask('Always'), { ...use, pulled: true }],
    ['pulled before this attempt, Always', fact({ ...there, pulledAt: 400 }), ask('Always'), { do: 'pull' }],
    ['absent, IfNotPresent', absent, ask('IfNotPresent'), { do: 'pull' }],
    ['pulling', fact({ pulling: { sinceMono: 1 } }), ask('Always'), { do: 'wait' }],
    [
      'absent, Never',
      absent,
      ask('Never'),
      {
        do: 'fail',
        reason: 'ErrImageNeverPull',
        message: 'Container image "busybox" is not present with pull policy of Never',
        lookAgainAt: 10_600,
      },
    ],
    ['absent, Never, later', absent, ask('Never', 10_600), { do: 'check' }],
    [
      'just failed',
      failed(900),
      ask('IfNotPresent'),
      { do: 'fail', reason: 'ErrImagePull', message: 'no route', lookAgainAt: 1900 },
    ],
    [
      'backing off',
      failed(900),
      ask('Always', 2000),
      {
        do: 'fail',
        reason: 'ImagePullBackOff',
        message: 'Back-off pulling image "busybox": ErrImagePull: no route',
        lookAgainAt: 10_900,
      },
    ],
    ['back-off over, Always', failed(900), ask('Always', 10_900), { do: 'pull' }],
    ['back-off over: look first', failed(900), ask('IfNotPresent', 10_900), { do: 'check' }],
    ['back-off over and looked', { ...failed(900), checkedAt: 10_900 }, ask('IfNotPresent', 10_950), { do: 'pull' }],
    [
      'question failed',
      failed(900, 'ImageInspectError'),
      ask('IfNotPresent', 5000),
      { do: 'fail', reason: 'ImageInspectError', message: 'no route', lookAgainAt: 10_900 },
    ],
    [
      'present while backing off, IfNotPresent',
      { ...failed(900), present: true, imageId: 'sha256:1' },
      ask('IfNotPresent'),
      use,
    ],
  ])('%s', (_name, known, question, decision) => {
    expect(decideImage(known, question)).toEqual(decision);
  });

  test('a name that cannot be parsed fails for good', () => {
    expect(decideImage(undefined, { ...ask('Always'), image: 'Foo' })).toEqual({
      do: 'fail',
      reason: 'InvalidImageName',
      message:
        'Failed to apply default image tag "Foo": couldn\'t parse image name "Foo": ' +
        'invalid reference format: repository name (library/Foo) must be lowercase',
    });
  });

  test('every "not yet" names a time to look again or an action that changes the fact', () => {
    for (const policy of ['Always', 'IfNotPresent', 'Never'] as const) {
      for (const known of [undefined, there, absent, failed(900), failed(900, 'ImageInspectError')]) {
        for (const now of [900, 1000, 5000, 10_900, 700_000]) {
          const decision = decideImage(known, ask(policy, now));
          if (decision.do === 'fail') expect(decision.lookAgainAt).toBeGreaterThan(now);
        }
      }
    }
  });

  test('events tell what changed, once', () => {
    const backingOff = decideImage(failed(900), ask('Always', 2000));
    expect(decisionEvents('busybox', undefined, backingOff)).toEqual([
      { type: 'Normal', reason: 'BackOff', message: 'Back-off pulling image "busybox"' },
      { type: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff' },
    ]);
    expect(decisionEvents('busybox', backingOff, backingOff)).toEqual([]);
    expect(decisionEvents('busybox', undefined, decideImage(there, ask('Never')))).toEqual([
      {
        type: 'Normal',
        reason: 'Pulled',
        message: 'Container image "busybox" already present on machine and can be accessed by the pod',
      },
    ]);
    expect(decisionEvents('busybox', undefined, decideImage(absent, ask('Never')))).toMatchObject([
      { reason: 'ErrImageNeverPull' },
      { message: 'Error: ErrImageNeverPull' },
    ]);
  });
});

test('back-off doubles from 10 s to 300 s and is forgotten after 600 s', () => {
  const failure = (at: number, delayMs: number) => ({ reason: 'ErrImagePull', message: '', at, delayMs });
  const delays: number[] = [];
  let last: ReturnType<typeof failure> | undefined;
  for (let now = 0; delays.length < 7; now += last!.delayMs) {
    last = failure(now, nextBackOff(last, now));
    delays.push(last.delayMs / 1000);
  }
  expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300]);
  expect(nextBackOff(failure(0, 300_000), 600_000)).toBe(300_000);
  expect(nextBackOff(failure(0, 300_000), 600_001)).toBe(10_000);
});

test.each([
  [
    'rpc error: code = NotFound desc = no such image',
    'ErrImagePull',
    'rpc error: code = NotFound desc = no such image',
  ],
  [
    'RegistryUnavailable: down',
    'RegistryUnavailable',
    'image pull failed for i because the registry is unavailable: down',
  ],
  [
    'SignatureValidationFailed: unsigned',
    'SignatureValidationFailed',
    'image pull failed for i because the signature validation failed: unsigned',
  ],
])('classifies %s', (text, reason, message) => {
  expect(classifyPullError('i', text)).toEqual({ reason, message });
});

test.each([
  [0, '0s'],
  [0.9, '0s'],
  [850.4, '850ms'],
  [1000, '1s'],
  [1500, '1.5s'],
  [123_004, '2m3.004s'],
  [3_600_000, '1h0m0s'],
])('%d ms is %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text);
});

test('the Pulled event in kubelet 1.36 words', () => {
  expect(pulledEvent('busybox', 1234.5, 2000, 2_222_222).message).toBe(
    'Successfully pulled image "busybox" in 1.234s (2s including waiting). Image size: 2222222 bytes.',
  );
});

test.each([
  [0, 'N/A'],
  [1, '0-10MB'],
  [10 * 1024 * 1024, '0-10MB'],
  [10 * 1024 * 1024 + 1, '10MB-100MB'],
  [700 * 1024 * 1024, '500MB-1GB'],
  [2 ** 40, 'GT100GB'],
])('an image of %i bytes is counted as %s', (bytes, label) => {
  expect(imageSizeLabel(bytes)).toBe(label);
});
