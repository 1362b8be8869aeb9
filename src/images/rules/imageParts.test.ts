import { findManifest, manifestsOf, partsOf } from './imageParts.ts';

const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;
const layer = (n: number, size: unknown) => ({ digest: digest(n), size });

test.each([
  ['127.0.0.1:5052/tenant-a/app.x', '127.0.0.1', 'tenant-a/app\\\\.x'],
  ['docker.io/library/busybox', 'docker.io', 'library/busybox'],
  ['[::1]:5000/app', '::1', 'app'],
])('containerd is asked for the manifests of %s', (repository, host, path) => {
  expect(manifestsOf(repository)).toBe(
    `labels."containerd.io/distribution.source.${host}"~="${path}",labels."containerd.io/gc.ref.content.config"`,
  );
});

test('a layer belongs to the manifest that came last, and to one that is too long to be read only if there is no other', () => {
  const labels = { 'containerd.io/gc.ref.content.l.0': digest(1), other: digest(2) };
  const blob = (name: string, updatedAt: number, size = 500) => ({ digest: name, size, updatedAt, labels });
  const blobs = [blob('old', 1), blob('new', 3), blob('long', 9, 5 << 20)];
  expect(findManifest(blobs, new Set([digest(1)]))?.digest).toBe('new');
  expect(findManifest([blob('long', 9, 5 << 20)], new Set([digest(1)]))?.digest).toBe('long');
  expect(findManifest(blobs, new Set([digest(2)]))).toBeUndefined();
});

test('layers with their sizes, each once', () => {
  const layers = [layer(1, 10), layer(2, 0), layer(1, 10)];
  expect(partsOf(JSON.stringify({ config: layer(9, 1), layers }))).toEqual([layer(1, 10), layer(2, 0)]);
});

test.each([
  ['no JSON', '{'],
  ['null', 'null'],
  ['an index', JSON.stringify({ manifests: [layer(1, 10)] })],
  ['a list of nothing', JSON.stringify({ layers: [null] })],
  ['a size below nothing', JSON.stringify({ layers: [layer(1, -1)] })],
  ['a size that is text', JSON.stringify({ layers: [layer(1, '10')] })],
  ['sizes beyond all numbers', JSON.stringify({ layers: [layer(1, 2 ** 53 - 1), layer(2, 2 ** 53 - 1)] })],
  ['a digest that is none', JSON.stringify({ layers: [{ digest: 'sha256:x', size: 1 }] })],
  ['a digest with a filter in it', JSON.stringify({ layers: [{ digest: `${digest(1)}",size>0`, size: 1 }] })],
  [
    'more layers than an image can have',
    JSON.stringify({ layers: Array.from({ length: 257 }, (_, i) => layer(i, 1)) }),
  ],
])('a registry that sends %s', (_what, text) => {
  expect(partsOf(text)).toBeUndefined();
});
