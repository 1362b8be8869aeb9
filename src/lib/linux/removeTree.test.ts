import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBelow } from '../fake/openFiles.ts';
import { Random } from '../fake/random.ts';
import { childPath } from './pathBytes.ts';
import { removeTree } from './removeTree.ts';

const { signal } = new AbortController();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'remove-tree-'));
});
afterEach(async () => {
  // What a failed test left has names that rmSync cannot remove.
  await removeTree(dir, signal).catch(() => rmSync(dir, { recursive: true, force: true }));
});

const left = () => readdirSync(dir);
const named = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A file name of any bytes but `/` and NUL. */
function anyName(random: Random): Buffer {
  const bytes = Array.from({ length: 1 + Math.floor(random.next() * 40) }, () => 1 + Math.floor(random.next() * 255));
  const name = Buffer.from(bytes.map((byte) => (byte === 0x2f ? 0xff : byte)));
  return ['.', '..'].includes(name.toString('latin1')) ? Buffer.from([0xfe]) : name;
}

/** Fills a directory with files, links and directories of such names. */
function grow(at: Buffer, random: Random, depth: number): number {
  let count = 0;
  for (let index = 0; index < 2 + random.next() * 12; index++) {
    const path = childPath(at, anyName(random));
    const kind = random.next();
    try {
      if (kind < 0.5) writeFileSync(path, '');
      else if (kind < 0.6) symlinkSync(childPath(Buffer.from('/nowhere'), anyName(random)), path);
      else {
        mkdirSync(path);
        if (depth > 0) count += grow(path, random, depth - 1);
      }
      count++;
    } catch (error) {
      if (!['EEXIST', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return count;
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])('a tree of names of any bytes is removed, seed %i', async (seed) => {
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  expect(grow(Buffer.from(tree), new Random(seed), 4)).toBeGreaterThan(2);
  await removeTree(tree, signal);
  expect(left()).toEqual([]);
});

test.each([1_500, 20_000])('a directory of %i names that are no UTF-8', async (count) => {
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  for (let index = 0; index < count; index++)
    writeFileSync(childPath(Buffer.from(tree), named(`a\xff${index}\xfe`.padEnd(60, '\x80'))), '');
  await removeTree(tree, signal);
  expect(left()).toEqual([]);
});

test('names that look like ours or like nothing', async () => {
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  const names = [
    '!',
    '...',
    '..data',
    '..removing-1-0',
    '-rf',
    'a\nb',
    '\n',
    ' ',
    '\\',
    '*',
    '\x01',
    '\xff',
    '\xc3\x28',
    '%2F',
    '\x7f',
  ];
  for (const name of names) {
    mkdirSync(childPath(Buffer.from(tree), named(name)));
    for (const inner of names) writeFileSync(childPath(childPath(Buffer.from(tree), named(name)), named(inner)), '');
  }
  await removeTree(tree, signal);
  expect(left()).toEqual([]);
});

/** A directory `depth` levels deep, built from the inside out. */
function deep(path: string, name: string, depth: number): void {
  mkdirSync(path);
  for (let level = 0; level < depth; level++) {
    mkdirSync(join(dir, 'next'));
    renameSync(path, join(dir, 'next', name));
    renameSync(join(dir, 'next'), path);
  }
}

test('a deep tree beside directories with the names that an earlier version moved it to', async () => {
  const tree = join(dir, 'tree');
  deep(tree, '!', 100);
  for (let index = 0; index < 10; index++)
    mkdirSync(join(tree, `..removing-${process.pid}-${index}/full`), { recursive: true });
  await removeTree(tree, signal);
  expect(left()).toEqual([]);
});

test('a tree 500 levels deep holds a bounded number of descriptors', async () => {
  const tree = join(dir, 'tree');
  deep(tree, 'd', 500);
  let most = 0;
  let running = true;
  const watcher = (async () => {
    while (running) {
      most = Math.max(most, openBelow(dir).length);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await removeTree(tree, signal);
  running = false;
  await watcher;
  expect(left()).toEqual([]);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(100);
  expect(openBelow(dir)).toEqual([]);
});

test('a name that is taken by whatever the Pod put there is drawn anew', async () => {
  const tree = join(dir, 'tree');
  deep(tree, 'd', 40);
  const taken = Object.assign(new Error('taken'), { code: 'ENOTEMPTY' });
  const renamed = jest.fn(rename).mockRejectedValueOnce(taken).mockRejectedValueOnce(taken);
  await removeTree(tree, signal, { rename: renamed, unlink });
  expect(renamed).toHaveBeenCalledTimes(3);
  expect(new Set(renamed.mock.calls.map(([, to]) => String(to))).size).toBe(3);
  expect(left()).toEqual([]);
});

test('entries that cannot be removed by their name are an error, and no loop', async () => {
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  for (let index = 0; index < 600; index++) writeFileSync(join(tree, `f${index}`), '');
  const gone = Object.assign(new Error('gone'), { code: 'ENOENT' });
  const unlinked = jest.fn(unlink).mockRejectedValue(gone);
  await expect(removeTree(tree, signal, { rename, unlink: unlinked })).rejects.toMatchObject({
    code: 'ENOTEMPTY',
  });
  expect(unlinked).toHaveBeenCalledTimes(600);
  await removeTree(tree, signal);
  expect(left()).toEqual([]);
});

test('what vanishes while it is removed does not matter', async () => {
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  for (let index = 0; index < 2_000; index++) {
    mkdirSync(join(tree, `d${index}`));
    writeFileSync(join(tree, `d${index}`, 'f'), '');
  }
  await Promise.all([removeTree(tree, signal), removeTree(tree, signal)]).catch((error) => {
    expect(error).toMatchObject({ code: 'ENOTEMPTY' });
  });
  await removeTree(tree, signal);
  expect(left()).toEqual([]);
});

test('an abort ends it between two batches, and the next call removes the rest', async () => {
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  for (let index = 0; index < 3_000; index++) writeFileSync(join(tree, `f${index}`), '');
  const controller = new AbortController();
  let calls = 0;
  const aborting: typeof unlink = async (path) => {
    if (++calls === 300) controller.abort();
    return unlink(path);
  };
  await expect(removeTree(tree, controller.signal, { rename, unlink: aborting })).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(calls).toBeLessThan(600);
  expect(readdirSync(tree).length).toBe(3_000 - calls);
  await expect(removeTree(tree, controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
  await removeTree(tree, signal);
  expect(left()).toEqual([]);
});

test('an error names the entry on one line, whatever its name, and no descriptor', async () => {
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  writeFileSync(childPath(Buffer.from(tree), named('a\nb\xff')), '');
  const refused = Object.assign(new Error("EPERM: operation not permitted, unlink '/proc/self/fd/7/a\nb'"), {
    code: 'EPERM',
  });
  const failing = jest.fn(unlink).mockRejectedValue(refused);
  await expect(removeTree(tree, signal, { rename, unlink: failing })).rejects.toThrow(
    `${tree}/a\\x0ab\\xff cannot be removed: EPERM: operation not permitted`,
  );
});
