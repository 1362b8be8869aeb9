import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDirectories } from './makeDirectories.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dirs-'));
});
afterEach(() => rmSync(root, { recursive: true }));

test('makes what is missing, and leaves what is there', async () => {
  const path = join(root, 'a/b/c');
  await makeDirectories(path, 0o700);
  await makeDirectories(path, 0o755);
  await makeDirectories('/', 0o755);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('where the kernel makes none, and below a file, it says so', async () => {
  writeFileSync(join(root, 'file'), '');
  await expect(makeDirectories('/proc/kubelet-ts/a', 0o755)).rejects.toThrow(/ENOENT/);
  await expect(makeDirectories(join(root, 'file'), 0o755)).rejects.toThrow(/EEXIST/);
  await expect(makeDirectories(join(root, 'file/a/b'), 0o755)).rejects.toThrow(/ENOTDIR/);
});
