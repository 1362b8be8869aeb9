import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { type Clock, realClock } from '../../lib/clock.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { listen, newTimeWaits } from '../fake/servers.ts';
import { grpcHandler } from './grpc.ts';

type Answer = { bytes: number[] } | { code: number; details: string } | 'silence';
const never = new AbortController().signal;
const attempt = (port: number, service?: string, timeoutMs = 30_000, signal = never, clock: Clock = realClock) =>
  grpcHandler(clock)(
    { port, ...(service !== undefined && { service }) },
    { container: { name: 'c' }, containerId: 'c', podIP: '127.0.0.1', timeoutMs, signal },
  );

/** A real gRPC server with the health service's one method; it answers by the service that is asked for. */
async function grpcServer(answers: Record<string, Answer>, withHealth = true) {
  const server = new Server();
  const seen: Metadata[] = [];
  const raw = (value: unknown) => value as Buffer;
  const path = `/grpc.health.v1.Health/${withHealth ? 'Check' : 'Other'}`;
  const methods = {
    Check: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    },
  };
  server.addService(methods, {
    Check(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
      seen.push(call.metadata);
      const answer = answers[call.request.subarray(2).toString()];
      if (answer === undefined || answer === 'silence') return;
      if ('code' in answer) callback(answer);
      else callback(null, Buffer.from(answer.bytes));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    port,
    seen,
    [Symbol.dispose]: () => server.forceShutdown(),
  };
}

test.each<[string, Answer, string, string]>([
  ['serving', { bytes: [8, 1] }, 'success', 'service healthy'],
  ['not serving', { bytes: [8, 2] }, 'failure', 'service unhealthy (responded with "NOT_SERVING")'],
  ['unknown', { bytes: [] }, 'failure', 'service unhealthy (responded with "UNKNOWN")'],
  [
    'nonsense',
    { bytes: [0x7a] },
    'failure',
    'error: health rpc probe failed: rpc error: code = Internal desc = the answer is no HealthCheckResponse',
  ],
  [
    'not found',
    { code: status.NOT_FOUND, details: 'unknown service' },
    'failure',
    'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service',
  ],
])('%s', async (_name, answer, result, output) => {
  using server = await grpcServer({ svc: answer });
  expect(await attempt(server.port, 'svc')).toEqual({ result, output });
  expect(server.seen[0]?.get('user-agent')).toEqual(['kube-probe/1.36']);
});

test('silence', async () => {
  using server = await grpcServer({ svc: 'silence' });
  const clock = new ManualClock();
  const answered = attempt(server.port, 'svc', 200, never, clock);
  await until(() => server.seen.length === 1);
  await clock.advanceAsync(199);
  expect(clock.pending).toBe(1);
  clock.advance(1);
  const output = 'timeout: health rpc did not complete within 200ms';
  expect(await answered).toEqual({ result: 'failure', output });
});

test('no service means the whole server; 100 probes leave no TIME_WAIT', async () => {
  using server = await grpcServer({ '': { bytes: [8, 1] } });
  const timeWaits = newTimeWaits(server.port);
  const results = await Promise.all(Array.from({ length: 100 }, () => attempt(server.port)));
  expect(new Set(results.map(({ result }) => result))).toEqual(new Set(['success']));
  expect(timeWaits()).toBe(0);
});

test('a server without the health service', async () => {
  using server = await grpcServer({}, false);
  expect(await attempt(server.port)).toMatchObject({
    output: expect.stringMatching(
      /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): /,
    ),
  });
});

test('an HTTP/2 server that is no gRPC server', async () => {
  await using server = await listen(http2.createServer((_request, response) => response.writeHead(503).end()));
  expect(await attempt(server.port)).toMatchObject({
    output: expect.stringContaining('code = Unavailable desc = unexpected HTTP status code received from server: 503'),
  });
});

test.each<[string, () => net.Server | http.Server]>([
  ['HTTP/1', () => http.createServer((_request, response) => response.end())],
  ['silence', () => net.createServer((socket) => socket.resume())],
  ['hanging up', () => net.createServer((socket) => socket.destroy())],
])('%s instead of HTTP/2 is no connection', async (_name, make) => {
  await using server = await listen(make());
  const output = `timeout: failed to connect service "127.0.0.1:${server.port}" within 300ms: context deadline exceeded`;
  expect(await attempt(server.port, '', 300)).toEqual({ result: 'failure', output });
});

test('a server that comes up within the timeout is found', async () => {
  const reserved = await listen(net.createServer());
  const { port } = reserved;
  await reserved[Symbol.asyncDispose]();
  const answered = attempt(port, '', 5000);
  const late = http2.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/grpc', trailer: 'grpc-status' });
    response.addTrailers({ 'grpc-status': '0' });
    response.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  await new Promise<void>((resolve) => setImmediate(() => late.listen(port, '127.0.0.1', resolve)));
  expect(await answered).toEqual({ result: 'success', output: 'service healthy' });
  late.close();
});

test('aborted, it ends', async () => {
  await using server = await listen(net.createServer((socket) => socket.resume()));
  const abort = new AbortController();
  const answered = attempt(server.port, '', 60_000, abort.signal);
  setImmediate(() => abort.abort());
  expect(await answered).toEqual({ result: 'unknown', error: 'context canceled' });
});
