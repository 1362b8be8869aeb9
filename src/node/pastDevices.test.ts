import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNewDisk, markDisk, markNew } from './pastDevices.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kts-devices-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a disk is new until a kubelet has registered from it, also when one is killed before that', async () => {
  expect(await isNewDisk(root)).toBe(true);
  await markNew(root);
  expect(existsSync(join(root, 'device-plugins'))).toBe(true);
  expect(await isNewDisk(root)).toBe(true);
  await markDisk(root);
  expect(await isNewDisk(root)).toBe(false);
  await markDisk(root);
});

test('a disk from which a Go kubelet has registered is not new', async () => {
  mkdirSync(join(root, 'device-plugins'));
  expect(await isNewDisk(root)).toBe(false);
});
