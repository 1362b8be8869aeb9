import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Recorder } from '../timeline/recorder.ts';
import { type DebugServer, startDebugServer } from './debugServer.ts';

const now = { wall: 0, mono: 0 };
let recorder: Recorder;
let refresh: () => Promise<void>;
let server: DebugServer;
beforeEach(async () => {
  recorder = new Recorder();
  recorder.open({ uid: 'u', namespace: 'ns', name: 'p' });
  refresh = async () => {};
  server = await startDebugServer('127.0.0.1', 0, { recorder, mono: () => 0, refresh: () => refresh() });
});
afterEach(() => server[Symbol.asyncDispose]());

const decided = (facts: unknown) =>
  recorder.decision('u', { now, facts, memory: {}, decision: {} }, 'Running', [], false);

async function open(path: string, method = 'GET'): Promise<IncomingMessage> {
  const [response] = await once(get(`http://${server.address}${path}`, { method, agent: false }), 'response');
  return response;
}

async function ask(path: string, method = 'GET') {
  const response = await open(path, method);
  const chunks: string[] = [];
  response.setEncoding('utf8');
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, type: response.headers['content-type'], chunks, body: chunks.join('') };
}

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
