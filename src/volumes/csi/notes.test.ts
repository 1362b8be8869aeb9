import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { findNotes, PodNotes } from './notes.ts';
import { saveVolumeData } from './volData.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'notes-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const note = async (volume: string) => {
  const directory = join(root, 'pods/u/volumes/kubernetes.io~csi', volume);
  mkdirSync(directory, { recursive: true });
  await saveVolumeData(directory, { driverName: 'd', volumeHandle: volume });
};

test('fifty volumes of one Pod that end together read its notes twice, not fifty times, and miss none', async () => {
  let looks = 0;
  const notes = new PodNotes((...args) => {
    looks++;
    return findNotes(...args);
  });
  await note('first');
  const early = notes.of(root, 'u', silentLogger);
  await Promise.resolve();
  await note('second'); // while a look is under way, which may or may not see it
  const found = await Promise.all(Array.from({ length: 49 }, () => notes.of(root, 'u', silentLogger)));
  for (const list of found) expect(list.map(({ data }) => data.volumeHandle).sort()).toEqual(['first', 'second']);
  expect((await early)[0]?.data.volumeHandle).toBe('first');
  expect(looks).toBe(2);
  await until(() => notes.size === 0);
});

test('a Pod without CSI volumes has none', async () => {
  expect(await new PodNotes().of(root, 'u', silentLogger)).toEqual([]);
});
