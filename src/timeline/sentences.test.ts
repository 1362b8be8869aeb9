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
    'the registry is silent',
    { doneBytes: mib, totalBytes: 4 * mib, bytesPerSecond: mib, idleMs: 30_000 },
    'pulling for 10 s (25 %, 1.0 MiB of 4.0 MiB, nothing has come for 30 s)',
  ],
])('a pull: %s', (_name, more, end) => {
  expect(sentence({ ...pulling, ...more }, 10_000)).toBe(`container web waits for image "reg.io/app:1": ${end}`);
});
