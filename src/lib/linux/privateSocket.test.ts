import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { staleSocket } from '../fake/staleSocket.ts';
import { failure } from '../fake/until.ts';
import { type BoundSocket, bindPrivateSocket } from './privateSocket.ts';
import { socketPathProblem } from './unixAddress.ts';

let dir: string;
let path: string;
const own: AsyncDisposableStack[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'socket-test-'));
  path = join(dir, 'debug.sock');
});
afterEach(async () => {
  for (const stack of own.splice(0)) await stack.disposeAsync();
  rmSync(dir, { recursive: true, force: true });
});

const modeOf = (file: string) => (lstatSync(file).mode & 0o7777).toString(8);

/** Listens on what was bound, until the test ends. */
async function serve({ fd }: BoundSocket) {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((listens) => void server.listen({ fd }, listens));
  const stack = new AsyncDisposableStack();
  stack.defer(() => new Promise<void>((done) => void server.close(() => done())));
  own.push(stack);
  return stack;
}

test('a socket has mode 0600 before anybody can connect, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    const bound = await bindPrivateSocket(path);
    expect([modeOf(path), lstatSync(path).isSocket()]).toEqual(['600', true]);
    await serve(bound);
    expect(modeOf(path)).toBe('600');
  } finally {
    process.umask(before);
  }
});

test('a directory that is missing is made for its owner alone', async () => {
  const deep = join(dir, 'a/b/debug.sock');
  await serve(await bindPrivateSocket(deep));
  expect(modeOf(join(dir, 'a/b'))).toBe('700');
});

test('the socket of a killed process is replaced', async () => {
  await staleSocket(path);
  await serve(await bindPrivateSocket(path));
  const client = connect(path);
  await once(client, 'connect');
  client.destroy();
});

test('a socket that another process serves on is left alone', async () => {
  await serve(await bindPrivateSocket(path));
  const { ino } = lstatSync(path);
  expect(String(await failure(bindPrivateSocket(path)))).toMatch(`another process serves on ${path}: end it`);
  expect(lstatSync(path).ino).toBe(ino);
});

test.each([
  ['a file', () => writeFileSync(path, 'precious')],
  ['a directory', () => mkdirSync(path)],
  ['a link, even to a socket', () => symlinkSync('/nowhere.sock', path)],
])('%s in its place is left alone', async (_what, make) => {
  make();
  const { ino } = lstatSync(path);
  expect(String(await failure(bindPrivateSocket(path)))).toMatch(
    `${path} is there already and is no socket: move it away`,
  );
  expect(lstatSync(path).ino).toBe(ino);
  if (lstatSync(path).isFile()) expect(readFileSync(path, 'utf8')).toBe('precious');
});

test('a directory that others may write to is refused', async () => {
  chmodSync(dir, 0o777);
  expect(String(await failure(bindPrivateSocket(path)))).toMatch(`others may write to ${dir}`);
  expect(existsSync(path)).toBe(false);
});

test('107 bytes are the most that a path may have, and they fit', async () => {
  const longest = join(dir, 'x'.repeat(107 - dir.length - 1));
  expect(longest).toHaveLength(107);
  await serve(await bindPrivateSocket(longest));
  expect(lstatSync(longest).isSocket()).toBe(true);
  expect(String(await failure(bindPrivateSocket(`${longest}x`)))).toMatch('must not be longer than 107 bytes');
  expect(existsSync(`${longest}x`)).toBe(false);
  expect(socketPathProblem(`/${'ä'.repeat(54)}`)).toMatch('it has 109');
});

test('removing takes the own file only', async () => {
  const first = await bindPrivateSocket(path);
  const serving = await serve(first);
  await serving.disposeAsync();
  rmSync(path);
  writeFileSync(path, 'of somebody else');
  await first.remove();
  expect(readFileSync(path, 'utf8')).toBe('of somebody else');
  rmSync(path);
  await first.remove();
  const second = await bindPrivateSocket(path);
  await serve(second);
  await second.remove();
  expect(existsSync(path)).toBe(false);
});
