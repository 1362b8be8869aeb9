import { once } from 'node:events';
import { get, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { Recorder } from '../timeline/recorder.ts';
import { createDebugServer } from './debugServer.ts';

const now = { wall: 0, mono: 0 };
let recorder: Recorder;
let refresh: () => Promise<void>;
let clock: ManualClock;
let server: Server;
beforeEach(async () => {
  recorder = new Recorder();
  recorder.open({ uid: 'u', namespace: 'ns', name: 'p' });
  refresh = async () => {};
  clock = new ManualClock();
  const node = async () => ({ text: 'short of nothing\n', json: { short: [] } });
  const source = { recorder, mono: () => 0, refresh: () => refresh(), node };
  server = createDebugServer({ source, clock, loopbackOnly: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((done) => void server.close(done));
});
const port = () => (server.address() as AddressInfo).port;

const decided = (facts: unknown) =>
  recorder.decision('u', { now, facts, memory: {}, decision: {} }, 'Running', [], false);

async function open(path: string, method = 'GET', headers = {}): Promise<IncomingMessage> {
  const [response] = await once(
    get(`http://127.0.0.1:${port()}${path}`, { method, headers, agent: false }),
    'response',
  );
  return response;
}

async function ask(path: string, method = 'GET', headers = {}) {
  const response = await open(path, method, headers);
  const chunks: string[] = [];
  response.setEncoding('utf8');
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, type: response.headers['content-type'], chunks, body: chunks.join('') };
}

test('what the node is short of, as text and for programs', async () => {
  expect(await ask('/debug/node/why')).toMatchObject({ status: 200, body: 'short of nothing\n' });
  const json = await ask('/debug/node/why?output=json');
  expect([json.type, JSON.parse(json.body)]).toEqual(['application/json', { short: [] }]);
  expect((await ask('/debug/node/else')).status).toBe(404);
});

test('a trace is one JSON text', async () => {
  for (const i of [0, 1, 2]) decided({ i });
  const { status, type, body } = await ask('/debug/pods/ns/p/trace');
  expect([status, type]).toEqual([200, 'application/json']);
  const records = [0, 1, 2].map((i) => ({ now, facts: { i }, memory: {}, decision: {} }));
  expect(JSON.parse(body)).toEqual({ uid: 'u', namespace: 'ns', name: 'p', dropped: 0, records });
});

test('a trace without a decision is one too; HEAD has no body', async () => {
  expect(JSON.parse((await ask('/debug/pods/ns/p/trace')).body)).toMatchObject({ records: [] });
  expect(await ask('/debug/pods/ns/p/trace', 'HEAD')).toMatchObject({ status: 200, chunks: [] });
});

test('a trace is made record by record, and other work has its turn between two of them', async () => {
  const seen: string[] = [];
  for (let i = 0; i < 100; i++) {
    const text = 'x'.repeat(1_000);
    decided({
      toJSON() {
        seen.push('record');
        // Where all of them are made in one go this comes after the last.
        setImmediate(() => seen.push('turn'));
        return text;
      },
    });
  }
  const { chunks, body } = await ask('/debug/pods/ns/p/trace');
  expect(JSON.parse(body).records).toHaveLength(100);
  expect(chunks.length).toBeGreaterThan(1);
  expect(seen.join()).not.toContain('record,record');
});

test('a client that goes away ends the work', async () => {
  let made = 0;
  const text = 'x'.repeat(1_000_000);
  const toJSON = () => {
    made++;
    return text;
  };
  for (let i = 0; i < 120; i++) decided({ toJSON });
  const response = await open('/debug/pods/ns/p/trace');
  const closed = once(response, 'close');
  response.destroy();
  await closed.catch(() => undefined);
  // The next answer comes after the server has heard of it.
  await ask('/debug/pods/why');
  const then = made;
  await ask('/debug/pods/why');
  expect([made, made < 120]).toEqual([then, true]);
});

test('what fails is said, and the server goes on', async () => {
  refresh = () => Promise.reject(new Error('the runtime is away'));
  expect(await ask('/debug/pods/ns/p/why')).toMatchObject({ status: 500, body: 'the runtime is away\n' });
  refresh = async () => {};
  expect((await ask('/debug/pods/ns/p/why')).status).toBe(200);
  decided({ n: 1n });
  await expect(ask('/debug/pods/ns/p/trace')).rejects.toThrow();
  expect((await ask('/debug/pods/ns/p/timeline')).status).toBe(200);
});

test('only GET and HEAD are answered; what is unknown is told where to look', async () => {
  expect(await ask('/debug/pods/why', 'POST')).toMatchObject({ status: 405, body: 'Only GET is answered here.\n' });
  expect(await ask('/pods')).toMatchObject({ status: 404, body: expect.stringContaining('Try /debug/pods/why') });
});

test.each([
  ['127.0.0.1:10247', 200],
  ['127.1.2.3', 200],
  ['localhost:1', 200],
  ['LOCALHOST', 200],
  ['[::1]:10247', 200],
  ['rebound.example:10247', 403],
  ['127.0.0.1.example', 403],
  ['127.0.0.1@rebound.example', 403],
  ['192.0.2.1:10247', 403],
])('on loopback, the Host header %j is answered with %d', async (host, status) => {
  expect((await ask('/debug/pods/why', 'GET', { host })).status).toBe(status);
});

test('a request without a Host header is not answered on loopback', async () => {
  const socket = connect(port(), '127.0.0.1');
  socket.write('GET /debug/pods/why HTTP/1.0\r\n\r\n');
  const [head] = await once(socket.setEncoding('utf8'), 'data');
  expect(head).toMatch(/^HTTP\/1.1 403 /);
  socket.destroy();
});

/** Requests whose answers wait for the runtime, until it is released. */
async function holdRequests(count: number) {
  const held = Promise.withResolvers<void>();
  let asked = 0;
  refresh = () => {
    asked += 1;
    return held.promise;
  };
  const answers = Array.from({ length: count }, () => ask('/debug/pods/ns/p/why'));
  for (const answer of answers) answer.catch(() => undefined);
  await until(() => asked === count);
  return { answers, release: () => held.resolve(), asked: () => asked };
}

test('eight requests are answered at once; a ninth hears that it should come again, and may', async () => {
  const { answers, release, asked } = await holdRequests(8);
  expect(await ask('/debug/pods/ns/p/why')).toMatchObject({
    status: 503,
    body: '8 requests are being answered, and no more are at the same time; ask again in a moment.\n',
  });
  expect(asked()).toBe(8);
  release();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(8).fill(200));
  await until(async () => (await ask('/debug/pods/ns/p/why')).status === 200);
  expect(clock.pending).toBe(0);
});

test('an answer that takes longer than a minute is given up, and its place is free again', async () => {
  const { answers } = await holdRequests(8);
  clock.advance(60_000);
  for (const answer of answers) await expect(answer).rejects.toThrow();
  refresh = async () => {};
  await until(async () => (await ask('/debug/pods/ns/p/why')).status === 200);
});

test('a connection ends with its answer', async () => {
  const response = await open('/debug/pods/why', 'GET', { connection: 'keep-alive' });
  expect(response.headers.connection).toBe('close');
  response.resume();
  await once(response, 'end');
});

test('a header of more than 8 KiB is refused', async () => {
  expect((await ask('/debug/pods/why', 'GET', { x: 'a'.repeat(9_000) })).status).toBe(431);
});
