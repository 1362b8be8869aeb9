import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../../lib/fake/until.ts';
import { removeTarget } from './target.ts';
import { loadVolumeData, saveVolumeData } from './volData.ts';

const root = mkdtempSync(join(tmpdir(), 'target-'));
const directory = join(root, 'pv');
const target = join(directory, 'mount');
beforeEach(async () => {
  mkdirSync(target, { recursive: true });
  await saveVolumeData(directory, { driverName: 'd', volumeHandle: 'h<&>' });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
afterAll(() => rmSync(root, { recursive: true }));

test('an unmounted target goes with its note and its directory; twice is once', async () => {
  expect(await loadVolumeData(directory)).toEqual({ driverName: 'd', volumeHandle: 'h<&>' });
  await removeTarget(target);
  await removeTarget(target);
  expect(readdirSync(root)).toEqual([]);
});

test('what is still mounted stays, with its note, and is an error', async () => {
  // No mount point can be made without root; the root directory is one that is always there.
  expect(await failure(removeTarget('/'))).toMatchObject({
    message:
      'kubernetes.io/csi: failed to remove dir [/]: remove /: device or resource busy: the driver has left it mounted',
    outcome: 'unsure',
  });
  expect(await loadVolumeData(directory)).toBeDefined();
});

test('a target that is a file goes too, and files beside the note stay', async () => {
  rmSync(target, { recursive: true });
  writeFileSync(target, '');
  writeFileSync(join(directory, 'precious'), 'x');
  expect(await failure(removeTarget(target))).toMatchObject({
    message: expect.stringContaining(`failed to delete volume path [${directory}]`),
  });
  expect(readdirSync(directory)).toEqual(['precious']);
});

test.each(['', '{', '[]', 'null', '{"driverName":"d"}', '{"driverName":7,"volumeHandle":"h"}'])(
  'a note that says %j says nothing',
  async (text) => {
    await fs.writeFile(join(directory, 'vol_data.json'), text);
    expect(await failure(loadVolumeData(directory))).toMatchObject({
      message: `kubernetes.io/csi: failed to parse volume data file [${join(directory, 'vol_data.json')}]`,
    });
  },
);
