import { statSync } from 'node:fs';
import { link, mkdir, mkdtemp, rm, unlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { MAX_DIRECTORIES, MAX_SOCKETS } from './limits.ts';
import { SocketTree } from './socketTree.ts';

/** A watched directory, a socket beside it that can be linked into it, and what was told. */
async function watched(clock = new ManualClock()) {
  const base = await mkdtemp(join(tmpdir(), 'tree-'));
  const root = join(base, 'root');
  const original = join(base, 'original');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(original, resolve));
  const there = new Set<string>();
  const made: string[] = [];
  const tree = new SocketTree({
    root,
    clock,
    onMade: (path) => {
      there.add(path);
      made.push(path);
    },
    onGone: (path) => there.delete(path),
  });
  await mkdir(root);
  return {
    tree,
    root,
    there,
    made,
    clock,
    put: (name: string) => link(original, join(root, name)),
    async [Symbol.asyncDispose]() {
      tree[Symbol.dispose]();
      server.close();
      await rm(base, { recursive: true, force: true });
    },
  };
}

test('sockets beyond the bound are named and left alone; the next look a minute later finds room', async () => {
  await using t = await watched();
  for (let i = 0; i < MAX_SOCKETS + 100; i++) await t.put(`${i}.sock`);
  t.tree.start();
  await until(() => t.tree.problems().length > 0);
  expect(t.tree.problems()[0]).toMatch(/^there are more than 2048 sockets; ".*" is not looked at$/);
  await until(() => t.tree.problems().length === 64);
  expect(t.there.size).toBe(MAX_SOCKETS);
  for (const path of [...t.there].slice(0, 100)) await unlink(path);
  await until(() => t.there.size === MAX_SOCKETS - 100);
  t.clock.advance(60_000);
  await until(() => t.there.size === MAX_SOCKETS);
  expect(t.tree.problems()).toEqual([]);
});

test('directories beyond the bound are named and left alone', async () => {
  await using t = await watched();
  for (let i = 0; i < MAX_DIRECTORIES; i++) await mkdir(join(t.root, `${i}`));
  t.tree.start();
  await until(() => t.tree.problems().length > 0);
  expect(t.tree.problems()).toEqual([
    expect.stringMatching(/^there are more than 512 directories; ".*" is not looked at$/),
  ]);
});

test('a name that is no text is named and left alone', async () => {
  await using t = await watched();
  await t.put('a.sock');
  const odd = Buffer.concat([Buffer.from(`${t.root}/`), Buffer.from([0xff, 0xfe])]);
  await link(join(t.root, 'a.sock'), odd);
  t.tree.start();
  await until(() => t.tree.problems().length > 0 && t.there.size > 0);
  expect(t.tree.problems()[0]).toContain('is no valid UTF-8');
  expect([...t.there]).toEqual([join(t.root, 'a.sock')]);
  await unlink(odd);
  await until(() => t.tree.problems().length === 0);
});

test('however many names come and go, what is there in the end is found', async () => {
  await using t = await watched();
  t.tree.start();
  for (let i = 0; i < 9_000; i++) {
    await t.put(`${i}`);
    await unlink(join(t.root, `${i}`));
  }
  await t.put('a.sock');
  await until(() => t.there.has(join(t.root, 'a.sock')) && t.there.size === 1);
});

test('a socket that is removed and made again between two looks is new, also under the same inode', async () => {
  await using t = await watched();
  const path = join(t.root, 'a.sock');
  const first = createServer();
  await new Promise<void>((resolve) => first.listen(path, resolve));
  t.tree.start();
  await until(() => t.made.length === 1);
  await until(() => Date.now() - statSync(path).birthtimeMs > 50); // the clock of file systems is a coarse one
  first.close(); // Node removes the socket and makes the next one at once, in this very turn
  const second = createServer().listen(path);
  await until(() => t.made.length === 2);
  expect(t.made).toEqual([path, path]);
  second.close();
});

test('nothing is told after the end', async () => {
  await using t = await watched();
  t.tree.start();
  await t.put('a.sock');
  await until(() => t.there.size === 1);
  t.tree[Symbol.dispose]();
  await unlink(join(t.root, 'a.sock'));
  await t.put('b.sock');
  t.clock.advance(60_000);
  expect([...t.there]).toEqual([join(t.root, 'a.sock')]);
});
