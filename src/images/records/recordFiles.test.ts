import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { DRAFT_SUFFIX } from '../../lib/writeAtomically.ts';
import { verificationOf } from '../rules/imageAccess.ts';
import { ImageAccess } from './imageAccess.ts';
import { PullRecords } from './pullRecords.ts';
import { recordFiles, recordName } from './recordFiles.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'records-'));
  await recordFiles(root);
});
afterEach(() => rm(root, { recursive: true }));

async function opened() {
  const [files, clock, log] = [await recordFiles(root), new ManualClock(), silentLogger];
  const records = await PullRecords.open({ files, cacheSize: 10, clock, log });
  const access = new ImageAccess({
    ...{ records, clock, log, verification: verificationOf('NeverVerifyPreloadedImages', []) },
    find: async () => 'id',
    list: async () => ['id'],
  });
  return { records, access };
}

const place = (kind: 'pulled' | 'pulling', key: string) => join(root, 'image_manager', kind, recordName(key));

test.each<[string, (path: string) => Promise<unknown>]>([
  ['empty', (path) => writeFile(path, '')],
  [
    'cut off',
    (path) => writeFile(path, '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1","lastUp'),
  ],
  [
    'of another version',
    (path) => writeFile(path, '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v9"}'),
  ],
  ['longer than all', (path) => writeFile(path, '{'.padEnd(2 << 20))],
  ['a directory', (path) => mkdir(path)],
  ['noise', (path) => writeFile(path, Buffer.from([0xff, 0xfe, 0, 0x7b]))],
])('a record that is %s lets nobody in, and an agent that finds it starts', async (_what, make) => {
  await make(place('pulled', 'id'));
  const { access } = await opened();
  expect(await access.mayUse('reg.io/app:1', 'id', async () => [])).toBe(false);
  await access.tidy();
  expect(await access.mayUse('reg.io/app:1', 'id', async () => [])).toBe(false);
});

test('an intent that cannot be read keeps its image from everybody', async () => {
  await mkdir(place('pulling', 'reg.io/app:1'));
  const { access } = await opened();
  expect(await access.mayUse('reg.io/app:1', 'id', async () => [])).toBe(false);
});

test('what a writer left that was killed is removed; other names are not records', async () => {
  const draft = `${place('pulled', 'id')}${DRAFT_SUFFIX}`;
  await writeFile(draft, '{');
  await mkdir(`${place('pulled', 'other')}${DRAFT_SUFFIX}`);
  await writeFile(join(root, 'image_manager/pulled/README'), '');
  const { records } = await opened();
  expect(records.size.pulled).toBe(0);
});
