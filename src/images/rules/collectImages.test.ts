import type { ImageOut } from '../../cri/generated/runtime.ts';
import type { Pod } from '../../types/k8s.ts';
import {
  collectsByItself,
  detectImages,
  evictionOrder,
  excess,
  type ImageGcPolicy,
  imageKey,
  isOldEnough,
  isTooOld,
  keysInContainers,
} from './collectImages.ts';
import { aggregated, formatSize, notEnoughFreed } from './gcEvents.ts';
import { imageNames, namesInPods } from './imageUse.ts';

const policy: ImageGcPolicy = {
  highPercent: 85,
  lowPercent: 80,
  minAgeMs: 120_000,
  maxAgeMs: 0,
  perHandler: false,
};

function image(id: string, more: Partial<ImageOut> = {}): ImageOut {
  return { id, repoTags: [], repoDigests: [], size: '10', uid: null, username: '', spec: null, pinned: false, ...more };
}

const nobody = () => false;

describe('detectImages', () => {
  test('remembers when an image was detected first and used last, and forgets it when it is gone', () => {
    const first = detectImages(new Map(), [image('a'), image('b')], (key) => key === 'a', false, 100);
    expect(first.get('a')).toMatchObject({ firstDetected: 100, lastUsed: 100, size: 10 });
    expect(first.get('b')).not.toHaveProperty('lastUsed');
    const later = detectImages(first, [image('a', { pinned: true }), image('c')], nobody, false, 200);
    expect(later.get('a')).toMatchObject({ firstDetected: 100, lastUsed: 100, pinned: true });
    expect([...later.keys()]).toEqual(['a', 'c']);
  });

  test('one image for two runtime handlers is two only with the gate', () => {
    const twice = ['', 'kata'].map((runtimeHandler) =>
      image('a', { spec: { image: 'a', annotations: {}, userSpecifiedImage: '', imageRef: '', runtimeHandler } }),
    );
    expect([...detectImages(new Map(), twice, nobody, true, 1).keys()]).toEqual(['a', 'a,kata']);
    expect([...detectImages(new Map(), twice, nobody, false, 1).keys()]).toEqual(['a']);
  });

  test('the key of a container follows its handler only with the gate', () => {
    const spec = { image: 'x', annotations: {}, userSpecifiedImage: '', imageRef: '', runtimeHandler: 'kata' };
    const containers = [
      { imageId: 'a', imageRef: 'other', image: spec },
      { imageId: '', imageRef: 'b', image: null },
    ];
    expect([...keysInContainers(containers, true)]).toEqual(['a,kata', 'b']);
    expect([...keysInContainers(containers, false)]).toEqual(['a', 'b']);
    expect(imageKey('a', '', true)).toBe('a');
  });
});

test('order: never used first, then unused the longest; among equals detected the longest ago; used and pinned ones stay', () => {
  const record = (key: string, firstDetected: number, lastUsed?: number, pinned = false) => ({
    ...{ key, id: key, runtimeHandler: '', names: [key], firstDetected, size: 1, pinned },
    ...(lastUsed === undefined ? {} : { lastUsed }),
  });
  const records = [
    record('recent', 1, 90),
    record('neverLate', 50),
    record('never', 10),
    record('usedLate', 5, 20),
    record('used', 4, 20),
    record('pinned', 0, undefined, true),
    record('now', 0, 100),
  ];
  const order = evictionOrder(new Map(records.map((r) => [r.key, r])), 100);
  expect(order.map(({ key }) => key)).toEqual(['never', 'neverLate', 'used', 'usedLate', 'recent']);
});

describe('ages', () => {
  const record = { key: 'a', id: 'a', runtimeHandler: '', names: ['a'], firstDetected: 0, size: 1, pinned: false };

  test('the minimum age counts from the first detection, and is reached to the millisecond', () => {
    expect(isOldEnough({ ...record, lastUsed: 119_000 }, policy, 120_000)).toBe(true);
    expect(isOldEnough(record, policy, 119_999)).toBe(false);
  });

  const aged = { ...policy, maxAgeMs: 1000 };
  test.each([
    ['off', { ...record }, policy, 10_000, 0, false],
    ['unused for longer', { ...record, lastUsed: 500 }, aged, 1501, 0, true],
    ['unused for as long', { ...record, lastUsed: 500 }, aged, 1500, 0, false],
    ['never used, detected long ago', record, aged, 1001, 0, true],
    ['never used, but pulled a moment ago', { ...record, firstDetected: 5000 }, aged, 5001, 0, false],
    ['the process has not watched for that long', record, aged, 1001, 500, false],
  ])('the maximum age: %s', (_what, one, rules, now, began, expected) => {
    expect(isTooOld(one, rules, now, began)).toBe(expected);
  });

  test('a high threshold of 100 turns collection off unless there is a maximum age', () => {
    expect(collectsByItself({ ...policy, highPercent: 100 })).toBe(false);
    expect(collectsByItself({ ...aged, highPercent: 100 })).toBe(true);
    expect(collectsByItself({ ...policy, highPercent: 99 })).toBe(true);
  });
});

describe('excess', () => {
  test.each([
    [1000, 160, undefined],
    [1000, 150, { usagePercent: 85, bytesToFree: 50 }],
    [1000, 159, { usagePercent: 85, bytesToFree: 41 }],
    [1000, 0, { usagePercent: 100, bytesToFree: 200 }],
    [999, 149, { usagePercent: 86, bytesToFree: 50 }],
    [1000, 2000, undefined],
    [9_007_199_254_740_000, 1, { usagePercent: 100, bytesToFree: 1_801_439_850_947_999 }],
  ])('of %d bytes, %d available', (capacityBytes, availableBytes, expected) => {
    expect(excess({ capacityBytes, availableBytes }, policy)).toEqual(expected);
  });
});

test('texts are kubelet’s', () => {
  expect([0, 1023, 1024, 1536, 1024 ** 2, 52_521_566_208, 1024 ** 4, 3 * 1024 ** 5].map(formatSize)).toEqual([
    ...['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '1.0 MiB', '48.9 GiB', '1.0 TiB', '3072.0 TiB'],
  ]);
  expect(notEnoughFreed({ usagePercent: 90, bytesToFree: 5 }, { capacityBytes: 1024, availableBytes: 0 }, 3)).toBe(
    "Insufficient free disk space on the node's image filesystem (90% of 1.0 KiB used). Failed to free sufficient space by deleting unused images (freed 3 bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.",
  );
  expect(aggregated(['a', 'b', 'a'])).toBe('[a, b]');
  expect(aggregated(['a', 'a'])).toBe('a');
});

describe('what Pods hold', () => {
  const pod: Pod = {
    metadata: { name: 'p' },
    spec: {
      initContainers: [{ name: 'i', image: 'init' }],
      containers: [{ name: 'c', image: 'reg.io/app:v1' }],
      ephemeralContainers: [{ name: 'e', image: 'debug' }],
      volumes: [{ name: 'v', image: { reference: 'reg.io/data:v2' } }],
    },
  };
  const facts = () => [
    { ref: 'reg.io/app:v1', imageId: 'sha256:app' },
    { ref: 'reg.io/app:v0', imageId: 'sha256:earlier' },
  ];
  const held = (phase: 'Admitting' | 'Active' | 'Terminating' | 'Cleaning' | 'Finished', containers: boolean) =>
    namesInPods([{ uid: 'u', phase, pod }], facts, () => containers);

  test.each(['Admitting', 'Active'] as const)('%s: every image it names, and the id it was told', (phase) => {
    const names = held(phase, false);
    for (const name of [
      ...['docker.io/library/init:latest', 'reg.io/app:v1', 'docker.io/library/debug:latest'],
      ...['reg.io/data:v2', 'sha256:app'],
    ])
      expect(names).toContain(name);
    expect(names).not.toContain('sha256:earlier');
  });

  test('one that ends: its image volumes, as long as it has containers', () => {
    expect([...held('Terminating', true)]).toEqual(['reg.io/data:v2']);
    expect(held('Terminating', false).size).toBe(0);
    expect(held('Finished', false).size).toBe(0);
  });

  test('names as the runtime lists them', () => {
    const digest = `sha256:${'a1'.repeat(32)}`;
    expect(imageNames(`busybox:1@${digest}`)).toContain(`docker.io/library/busybox@${digest}`);
    expect(imageNames('sha256:abc')).toContain('sha256:abc');
    expect(imageNames('Not An Image')).toEqual(['Not An Image']);
  });
});
