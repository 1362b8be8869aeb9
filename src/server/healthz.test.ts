import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { createLogger } from '../lib/logger.ts';
import { Healthz } from './healthz.ts';

const HOST = '127.0.0.1';
let lines: string[];
let clock: ManualClock;
let healthz: Healthz;
beforeEach(() => {
  lines = [];
  clock = new ManualClock();
  healthz = new Healthz(clock, createLogger({ write: (line) => void lines.push(line) }));
});
afterEach(() => healthz[Symbol.asyncDispose]());

const listeners = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;

/** A port in use, and how to free it. */
async function takenPort() {
  const holder = createServer().listen(0, HOST);
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const free = () => new Promise<void>((done) => void holder.close(() => done()));
  return { port, free };
}

const ask = (port: number, path = '/healthz') => fetch(`http://${HOST}:${port}${path}`);

test('port 0 listens nowhere', async () => {
  const before = listeners();
  await healthz.serve(HOST, 0);
  expect(listeners()).toBe(before);
  expect([clock.pending, lines]).toEqual([0, []]);
});

test('answers as kubelet does', async () => {
  const { port, free } = await takenPort();
  await free();
  await healthz.serve(HOST, port);
  for (const path of ['/healthz', '/healthz/ping']) expect(await (await ask(port, path)).text()).toBe('ok');
  expect((await ask(port, '/healthz/other')).status).toBe(404);
  expect(lines).toEqual([]);
});

test('a taken port does not end the start; it is logged and tried every 5 s until it is free', async () => {
  const { port, free } = await takenPort();
  await healthz.serve(HOST, port);
  expect(lines).toEqual([expect.stringContaining('EADDRINUSE')]);
  expect(clock.nextIn).toBe(5_000);
  clock.advance(5_000);
  await until(() => clock.pending === 1);
  expect(lines).toHaveLength(2);
  await free();
  clock.advance(5_000);
  await until(async () => (await ask(port).catch(() => undefined))?.status === 200);
  expect([clock.pending, lines.length]).toEqual([0, 2]);
});

test('is not tried again when the agent ends', async () => {
  const { port, free } = await takenPort();
  await healthz.serve(HOST, port);
  await healthz[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
  await free();
});
