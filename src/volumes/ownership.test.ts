import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childPath } from '../lib/linux/pathBytes.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import { applyOwnership } from './ownership.ts';

// With the tester's own group, so that no root is needed; other groups are in testing/realMounts.ts.
const group = process.getgid!();
const { signal } = new AbortController();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ownership-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const mode = (path: string) => statSync(join(dir, path)).mode & 0o7777;

test.each([
  [false, 0o660, 0o2770],
  [true, 0o640, 0o2750],
])('read-only %s adds the bits of the mask and takes none', async (readOnly, file, directory) => {
  mkdirSync(join(dir, 'd'), 0o700);
  writeFileSync(join(dir, 'd/f'), '', { mode: 0o600 });
  writeFileSync(join(dir, 'wide'), '');
  chmodSync(join(dir, 'wide'), 0o777);
  const result = await applyOwnership({ path: dir, group, readOnly, signal });
  expect(result).toEqual({ walked: true, entries: 4, failed: 0 });
  expect([mode('d/f'), mode('d'), mode('wide'), mode('.')]).toEqual([file, directory, 0o777, directory]);
});

test('links are not followed, and what they point to is left alone', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'ownership-out-'));
  writeFileSync(join(outside, 'f'), '', { mode: 0o600 });
  symlinkSync(outside, join(dir, 'link'));
  symlinkSync(join(outside, 'f'), join(dir, 'file'));
  await applyOwnership({ path: dir, group, signal });
  expect(statSync(join(outside, 'f')).mode & 0o7777).toBe(0o600);
  expect(statSync(outside).mode & 0o7777).toBe(0o700);
  rmSync(outside, { recursive: true });
});

test.each([
  [0o2770, false],
  [0o2777, false],
  [0o770, true],
  [0o2750, true],
])('OnRootMismatch with a root of mode %o walks: %s', async (rootMode, walked) => {
  chmodSync(dir, rootMode);
  expect((await applyOwnership({ path: dir, group, policy: 'OnRootMismatch', signal })).walked).toBe(walked);
  expect((await applyOwnership({ path: dir, group, policy: 'OnRootMismatch', signal })).walked).toBe(false);
});

test('a walk that was cut short does not count as done: the root comes last', async () => {
  chmodSync(dir, 0o700);
  for (let index = 0; index < 100; index++) writeFileSync(join(dir, `f${index}`), '');
  const controller = new AbortController();
  const walk = applyOwnership({
    path: dir,
    group,
    signal: controller.signal,
    progress: () => controller.abort(),
  });
  await expect(walk).rejects.toMatchObject({ name: 'AbortError' });
  expect((await applyOwnership({ path: dir, group, policy: 'OnRootMismatch', signal })).entries).toBe(101);
});

test('names of any bytes', async () => {
  const odd = Buffer.from('a\xff', 'latin1');
  const inner = childPath(Buffer.from(dir), odd);
  mkdirSync(inner, 0o700);
  writeFileSync(childPath(inner, odd), '', { mode: 0o600 });
  expect(await applyOwnership({ path: dir, group, signal })).toEqual({ walked: true, entries: 3, failed: 0 });
  expect(statSync(childPath(inner, odd)).mode & 0o777).toBe(0o660);
  await removeTree(inner, signal);
});

test('what is too deep to be held open counts as failed', async () => {
  let path = dir;
  for (let level = 0; level < 300; level++) path = join(path, 'd');
  mkdirSync(path, { recursive: true });
  const result = await applyOwnership({ path: dir, group, signal });
  expect(result).toMatchObject({ failed: 1, firstFailure: 'the volume has directories deeper than 256 levels' });
});

test('reports progress of long walks', async () => {
  for (let index = 0; index < 100; index++) writeFileSync(join(dir, `f${index}`), '');
  const seen: number[] = [];
  await applyOwnership({ path: dir, group, signal, progress: (entries) => seen.push(entries) });
  expect(seen.length).toBeGreaterThanOrEqual(6);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
});
