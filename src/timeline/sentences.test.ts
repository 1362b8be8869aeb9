import { sentence } from './sentences.ts';

const pulling = { code: 'PullingImage', image: 'reg.io/app:1', container: 'web', since: 0 } as const;
const mib = 1024 * 1024;

test.each([
  ['a provider is asked', { provider: 'helper' }, 'asking credential provider helper for 10 s'],
  ['it waits for its turn', { position: 3 }, 'number 3 in the pull queue for 10 s'],
  ['nothing is known', {}, 'pulling for 10 s'],
  [
    'bytes come',
    { doneBytes: mib, totalBytes: 4 * mib, bytesPerSecond: mib / 2, idleMs: 20 },
    'pulling for 10 s (25 %, 1.0 MiB of 4.0 MiB, 0.5 MiB/s, about 6.0 s left)',
  ],
  [
    'layers are known',
    { doneBytes: mib, totalBytes: 4 * mib, layers: [2, 5], bytesPerSecond: mib / 2 },
    'pulling for 10 s (25 %, 1.0 MiB of 4.0 MiB, 2 of 5 layers, 0.5 MiB/s, about 6.0 s left)',
  ],
  [
    'bytes come slowly, and are told of each MiB',
    { doneBytes: mib, totalBytes: 4 * mib, bytesPerSecond: mib / 8, idleMs: 15_000 },
    'pulling for 10 s (25 %, 1.0 MiB of 4.0 MiB, 0.1 MiB/s, about 24 s left)',
  ],
  [
    'all layers are there',
    { doneBytes: 4 * mib, totalBytes: 4 * mib, layers: [5, 5], idleMs: 9000 },
    'pulling for 10 s (all 4.0 MiB are there and are being unpacked)',
  ],
  ['the runtime says nothing', { untold: true }, 'pulling for 10 s; the runtime does not tell how far it is'],
  [
    'the registry is silent',
    { doneBytes: mib, totalBytes: 4 * mib, bytesPerSecond: mib, idleMs: 30_000 },
    'pulling for 10 s (25 %, 1.0 MiB of 4.0 MiB, nothing has come for 30 s)',
  ],
] as const)('a pull: %s', (_name, more, end) => {
  expect(sentence({ ...pulling, ...more }, 10_000)).toBe(`container web waits for image "reg.io/app:1": ${end}`);
});
