import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { staleSocket } from '../lib/fake/staleSocket.ts';
import { until } from '../lib/fake/until.ts';
import { createLogger } from '../lib/logger.ts';
import { Recorder } from '../timeline/recorder.ts';
import { askAgent } from './askAgent.ts';
import { serveExplanations } from './debugSide.ts';

// Counted here and not in the process: other test files may run in it too.
const { listen } = Server.prototype;
let listened: unknown[];
beforeEach(() => {
  listened = [];
  Server.prototype.listen = function (this: Server, ...args: never[]) {
    listened.push(args[0]);
    return Reflect.apply(listen, this, args);
  } as typeof listen;
});
afterEach(() => {
  Server.prototype.listen = listen;
});

const NOBODY = 'No Pod on this node waits for anything.\n';
let rootDir: string;
let socket: string;
let clock: ManualClock;
let lines: string[];
let own: AsyncDisposableStack;
beforeEach(() => {
  rootDir = mkdtempSync(join(tmpdir(), 'debug-'));
  socket = join(rootDir, 'kubelet-ts/debug.sock');
  clock = new ManualClock();
  lines = [];
  own = new AsyncDisposableStack();
});
afterEach(async () => {
  await own.disposeAsync();
  rmSync(rootDir, { recursive: true, force: true });
});

const serve = async (flags: { tsDebugSocket?: string; tsDebugAddress?: string; rootDir?: string } = {}) => {
  const options = { rootDir, tsDebugSocket: '', tsDebugAddress: 'off', ...flags };
  const source = { recorder: new Recorder(), mono: () => 0, refresh: async () => {} };
  const log = createLogger({ write: (line) => void lines.push(line) });
  own.use(await serveExplanations({ options, source, clock, log }));
};
const why = async (place: { socket: string } | { address: string }) => (await askAgent(place, '/debug/pods/why')).body;

/** A loopback port in use, and how to free it. */
async function takenPort() {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
  return { address, free: () => new Promise<void>((done) => void holder.close(() => done())) };
}

test('without a flag: a socket for root alone below the root directory, and no port', async () => {
  await serve();
  expect((lstatSync(socket).mode & 0o7777).toString(8)).toBe('600');
  await expect(why({ socket })).resolves.toBe(NOBODY);
  expect(listened).toEqual([{ fd: expect.any(Number) }]);
  await own.disposeAsync();
  expect([existsSync(socket), lines, clock.pending]).toEqual([false, [], 0]);
});

test('the socket of a killed agent is replaced', async () => {
  await staleSocket(socket);
  await serve();
  await expect(why({ socket })).resolves.toBe(NOBODY);
  expect(lines).toEqual([]);
});

test("'off' serves nothing", async () => {
  await serve({ tsDebugSocket: 'off' });
  expect([existsSync(socket), listened, lines]).toEqual([false, [], []]);
});

test('a root directory too long for a socket is warned of with the way out, which works', async () => {
  const long = join(rootDir, 'x'.repeat(100));
  await serve({ rootDir: long });
  expect(lines).toEqual([expect.stringMatching(/choose a shorter path with --ts-debug-socket.*longer than 107 bytes/)]);
  expect(clock.pending).toBe(0);
  const short = join(rootDir, 'short.sock');
  await serve({ rootDir: long, tsDebugSocket: short });
  await expect(why({ socket: short })).resolves.toBe(NOBODY);
});

test('a file in the place of the socket does not end the start; it is left, warned of, and the place is tried again', async () => {
  mkdirSync(join(rootDir, 'kubelet-ts'));
  writeFileSync(socket, 'precious');
  await serve();
  expect(lines).toEqual([expect.stringMatching(/explanations .* are not served.*is no socket: move it away/)]);
  expect(clock.nextIn).toBeGreaterThanOrEqual(5_000);
  expect(clock.nextIn).toBeLessThanOrEqual(6_000);
  rmSync(socket);
  clock.advance(6_000);
  await until(() => existsSync(socket));
  await until(async () => (await why({ socket }).catch(() => '')) === NOBODY);
  expect([lines.length, clock.pending]).toEqual([1, 0]);
});

test('a taken port does not end the start, and the socket answers meanwhile; the waits grow to five minutes', async () => {
  const { address, free } = await takenPort();
  await serve({ tsDebugAddress: address });
  await expect(why({ socket })).resolves.toBe(NOBODY);
  expect(lines).toEqual([expect.stringMatching(/--ts-debug-address.*EADDRINUSE/)]);
  const waits: number[] = [];
  for (let failures = 1; failures < 9; failures++) {
    await until(() => lines.length === failures && clock.pending === 1);
    waits.push(clock.nextIn ?? 0);
    clock.advance(clock.nextIn ?? 0);
  }
  await until(() => lines.length === 9 && clock.pending === 1);
  expect(waits[0]).toBeLessThanOrEqual(6_000);
  expect(waits[7]).toBeGreaterThanOrEqual(300_000);
  await free();
  clock.advance(clock.nextIn ?? 0);
  await until(async () => (await why({ address }).catch(() => '')) === NOBODY);
});

test('nothing is tried again when the agent has ended', async () => {
  const { address, free } = await takenPort();
  await serve({ tsDebugAddress: address });
  await own.disposeAsync();
  expect(clock.pending).toBe(0);
  await free();
});
