import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type WriterFs, writeAtomically } from './atomicWriter.ts';
import type { FileProjection, Payload } from './rules/payload.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'atomic-writer-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(
    Object.entries(files).map(([path, text]): [string, FileProjection] => [path, { bytes: Buffer.from(text), mode }]),
  );

/** What a container sees: every path that can be reached without the hidden names. */
function visible(directory = dir, prefix = ''): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(directory)) {
    if (name.startsWith('..')) continue;
    const path = join(directory, name);
    if (!existsSync(path)) continue;
    if (statSync(path).isDirectory()) Object.assign(files, visible(path, `${prefix}${name}/`));
    else files[prefix + name] = readFileSync(path, 'utf8');
  }
  return files;
}

const hidden = () => readdirSync(dir).filter((name) => name.startsWith('..'));

test('lays the files out as Kubernetes does', async () => {
  await expect(writeAtomically(dir, payload({ a: '1', 'b/c': '2', 'b/d/e': '3' }))).resolves.toBe(true);
  expect(visible()).toEqual({ a: '1', 'b/c': '2', 'b/d/e': '3' });
  expect(readlinkSync(join(dir, 'a'))).toBe('..data/a');
  expect(readlinkSync(join(dir, 'b'))).toBe('..data/b');
  const version = readlinkSync(join(dir, '..data'));
  expect(version).toMatch(/^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+$/);
  expect(hidden().sort()).toEqual(['..data', version].sort());
  expect(lstatSync(join(dir, version)).mode & 0o7777).toBe(0o755);
});

test('modes hold whatever the umask', async () => {
  const before = process.umask(0o077);
  try {
    await writeAtomically(
      dir,
      new Map([
        ['d/x', { bytes: Buffer.from('s'), mode: 0o604 }],
        ['y', { bytes: Buffer.from(''), mode: 0o400 }],
      ]),
    );
  } finally {
    process.umask(before);
  }
  expect(statSync(join(dir, 'd/x')).mode & 0o7777).toBe(0o604);
  expect(statSync(join(dir, 'y')).mode & 0o7777).toBe(0o400);
  expect(statSync(join(dir, 'd')).mode & 0o7777).toBe(0o755);
});

test('a group may read everything', async () => {
  const group = process.getgid!();
  await writeAtomically(dir, payload({ 'd/x': 's' }, 0o600), { group });
  expect(statSync(join(dir, 'd/x'))).toMatchObject({ gid: group });
  expect(statSync(join(dir, 'd/x')).mode & 0o7777).toBe(0o640);
  expect(statSync(join(dir, 'd')).mode & 0o7777).toBe(0o2755);
  await expect(writeAtomically(dir, payload({ 'd/x': 's' }, 0o600), { group })).resolves.toBe(false);
});

test('equal content is not written again; a changed byte, mode, or missing link is', async () => {
  await writeAtomically(dir, payload({ a: '1', b: '2' }));
  const version = readlinkSync(join(dir, '..data'));
  await expect(writeAtomically(dir, payload({ b: '2', a: '1' }))).resolves.toBe(false);
  expect(readlinkSync(join(dir, '..data'))).toBe(version);
  rmSync(join(dir, 'a'));
  await expect(writeAtomically(dir, payload({ a: '1', b: '2' }))).resolves.toBe(false);
  expect(visible()).toEqual({ a: '1', b: '2' });
  await expect(writeAtomically(dir, payload({ a: '1', b: '3' }))).resolves.toBe(true);
  await expect(writeAtomically(dir, payload({ a: '1', b: '3' }, 0o600))).resolves.toBe(true);
  chmodSync(join(dir, '..data', 'a'), 0o644);
  await expect(writeAtomically(dir, payload({ a: '1', b: '3' }, 0o600))).resolves.toBe(true);
  expect(visible()).toEqual({ a: '1', b: '3' });
});

test('what is gone from the payload is gone from the volume; mount points and strangers stay', async () => {
  await writeAtomically(dir, payload({ a: '1', 'b/c': '2', 'b/d': '3' }));
  mkdirSync(join(dir, 'nested'));
  writeFileSync(join(dir, 'stranger'), 'x');
  symlinkSync('/etc', join(dir, 'elsewhere'));
  await expect(writeAtomically(dir, payload({ 'b/d': '3', nested: 'hidden by the mount point' }))).resolves.toBe(true);
  expect(
    readdirSync(dir)
      .filter((name) => !name.startsWith('..'))
      .sort(),
  ).toEqual(['b', 'elsewhere', 'nested', 'stranger']);
  expect(visible(join(dir, 'b'))).toEqual({ d: '3' });
  await writeAtomically(dir, new Map());
  expect(
    readdirSync(dir)
      .filter((name) => !name.startsWith('..'))
      .sort(),
  ).toEqual(['elsewhere', 'nested', 'stranger']);
});

test.each([
  '../x',
  'a/../../x',
  '/x',
  '..data',
  '..x/y',
  './..data',
  '',
  '.',
  'a\0b',
  'x'.repeat(256),
  'a/'.repeat(2049),
])('refuses the path %j and writes nothing', async (path) => {
  await expect(writeAtomically(dir, payload({ ok: '1', [path]: '2' }))).rejects.toThrow('invalid path');
  expect(readdirSync(dir)).toEqual([]);
});

test('refuses a file that is also a directory', async () => {
  await expect(writeAtomically(dir, payload({ 'a/b': '1', a: '2' }))).rejects.toThrow(
    'is a file and the directory of a/b',
  );
});

class Crash extends Error {}

/** Real calls up to number `stopAt`; then every call fails, as for a dead process. `after` runs after each that worked. */
function crashing(stopAt: number, after: () => void): { fs: WriterFs; calls: () => number } {
  let calls = 0;
  const fs = new Proxy(nodeFs, {
    get: (target, name) => {
      const real = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        if (calls >= stopAt) throw new Crash();
        calls++;
        const result = await real(...args);
        after();
        return result;
      };
    },
  });
  return { fs, calls: () => calls };
}

const versions: Payload[] = [
  payload({ a: 'a1', 'd/x': 'x1', gone: 'g1' }),
  payload({ a: 'a2', 'd/x': 'x2', 'd/new': 'n2', more: 'm2' }),
  payload({ a: 'a3' }),
];

/** A reader that opens `..data` once sees one version in full. */
function seenVersion(): Record<string, string> {
  return existsSync(join(dir, '..data')) ? visible(join(dir, '..data')) : {};
}

function plain(files: Payload): Record<string, string> {
  return Object.fromEntries([...files].map(([path, file]) => [path, Buffer.from(file.bytes).toString()]));
}

test('a crash after any call leaves a whole version, and the next call repairs everything', async () => {
  let crashes = 0;
  for (let step = 0; step < versions.length - 1; step++) {
    const before = versions[step]!;
    const after = versions[step + 1]!;
    for (let stopAt = 0; ; stopAt++) {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
      await writeAtomically(dir, before);
      const wholeOnly = () => expect([plain(before), plain(after)]).toContainEqual(seenVersion());
      const { fs } = crashing(stopAt, wholeOnly);
      const crashed = await writeAtomically(dir, after, { fs }).then(
        () => false,
        (error) => error instanceof Crash || Promise.reject(error),
      );
      wholeOnly();
      // Another version than the one that was interrupted must come through, too.
      const last = stopAt % 2 === 0 ? after : before;
      await writeAtomically(dir, last);
      expect(visible()).toEqual(plain(last));
      expect(hidden().sort()).toEqual(['..data', readlinkSync(join(dir, '..data'))].sort());
      if (!crashed) break;
      crashes++;
    }
  }
  expect(crashes).toBeGreaterThan(30);
});

test('a crash in the very first write is repaired as well', async () => {
  for (let stopAt = 0; ; stopAt++) {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    const { fs } = crashing(stopAt, () => expect([{}, plain(versions[0]!)]).toContainEqual(seenVersion()));
    const crashed = await writeAtomically(dir, versions[0]!, { fs }).then(
      () => false,
      () => true,
    );
    await writeAtomically(dir, versions[1]!);
    expect(visible()).toEqual(plain(versions[1]!));
    expect(hidden()).toHaveLength(2);
    if (!crashed) break;
  }
});

test('a reader running beside the writer never sees a mixture', async () => {
  const both = (text: string) => payload({ one: text, two: text });
  await writeAtomically(dir, both('0'));
  let running = true;
  let reads = 0;
  const reader = (async () => {
    while (running) {
      // One open directory is one version, however long the reader takes.
      const version = await nodeFs.realpath(join(dir, '..data'));
      const texts = await Promise.all(
        ['one', 'two'].map((name) => nodeFs.readFile(join(version, name), 'utf8').catch(() => 'removed')),
      );
      if (!texts.includes('removed')) expect(texts[0]).toBe(texts[1]);
      expect(await nodeFs.readFile(join(dir, 'one'), 'utf8').catch((error) => error.code)).toMatch(/^\d+$|^ENOENT$/);
      reads++;
    }
  })();
  for (let round = 1; round <= 100; round++) await writeAtomically(dir, both(String(round)));
  running = false;
  await reader;
  expect(reads).toBeGreaterThan(10);
  expect(visible()).toEqual({ one: '100', two: '100' });
});
