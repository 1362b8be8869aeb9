import { lstat, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { failure, until } from '../lib/fake/until.ts';
import type { DevicePluginMethods } from '../plugins/generated/device/device.ts';
import { deviceProtocol } from '../plugins/protocols/device.ts';
import { createCaller } from './caller.ts';
import { Connection } from './connection.ts';
import type { CallRecord, ConnectionOptions } from './connectionOptions.ts';
import { RpcError } from './error.ts';
import { type RpcServerOptions, startRpcServer } from './server.ts';
import { type Handlers, RpcStatus, serveService } from './service.ts';

type DeviceHandlers = Handlers<{ 'v1beta1.DevicePlugin': DevicePluginMethods }, 'v1beta1.DevicePlugin'>;

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rpc-'));
  path = join(directory, 'a.sock');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const serve = (handlers: DeviceHandlers = {}, more: Partial<RpcServerOptions> = {}) =>
  startRpcServer({ path, services: [serveService(deviceProtocol, 'v1beta1.DevicePlugin', handlers)], ...more });

const connect = (more: Partial<ConnectionOptions> = {}) =>
  new Connection({ endpoint: path, peer: 'device plug-in', ...more });

const callerOf = (connection: Connection, timeoutMs = 20_000) =>
  createCaller(connection, deviceProtocol, 'v1beta1.DevicePlugin', timeoutMs);

async function rpcFailure(promise: Promise<unknown>): Promise<RpcError> {
  const error = await failure(promise);
  if (!(error instanceof RpcError)) throw new Error(`expected an RpcError, got ${String(error)}`);
  return error;
}

const never = () => new Promise<never>(() => {});

test('a call reaches its handler and brings its answer back', async () => {
  await using _server = await serve({
    Allocate: ({ containerRequests }) => ({
      containerResponses: containerRequests.map((r) => ({ envs: { IDS: r.devicesIds.join() } })),
    }),
  });
  using connection = connect();
  const { containerResponses } = await callerOf(connection).unary('Allocate', {
    containerRequests: [{ devicesIds: ['a', 'b'] }],
  });
  expect(containerResponses[0]?.envs).toEqual({ IDS: 'a,b' });
});

test('a stream ends with its handler; its handler hears of a client that leaves', async () => {
  const devices = (ID: string) => ({ devices: [{ ID, health: 'Healthy' }] });
  let left = false;
  let ends = true;
  await using _server = await serve({
    async ListAndWatch(_, call, out) {
      call.signal.addEventListener('abort', () => {
        left = true;
      });
      await out.send(devices('1'));
      await out.send(devices('2'));
      if (!ends) await never();
    },
  });
  using connection = connect();
  const all = await callerOf(connection).collect('ListAndWatch', {});
  expect(all.map((part) => part.devices[0]?.ID)).toEqual(['1', '2']);
  ends = false;
  left = false;
  const seen: object[] = [];
  const cancel = connection.stream(
    deviceProtocol.method('v1beta1.DevicePlugin', 'ListAndWatch'),
    {},
    { onMessage: (message) => seen.push(message), onEnd: () => {} },
    {},
  );
  await until(() => seen.length === 2);
  cancel();
  await until(() => left);
});

test('what a handler throws is the status: its code, or Unknown; a method without a handler is Unimplemented', async () => {
  const thrown = [
    new RpcStatus(status.NOT_FOUND, 'no such device'),
    new RpcError('GetInfo', { code: status.UNAVAILABLE, details: 'behind it' }),
    new Error('broken'),
    'text',
    new Error('x'.repeat(200_000)),
  ];
  await using _server = await serve({
    Allocate: async () => {
      throw thrown.shift();
    },
  });
  using connection = connect();
  const errors: RpcError[] = [];
  for (let i = 0; i < 5; i++) errors.push(await rpcFailure(callerOf(connection).unary('Allocate', {})));
  expect(errors.slice(0, 4).map((e) => [e.grpcCodeName, e.message, e.settled])).toEqual([
    ['NotFound', 'no such device', true],
    ['Unavailable', 'behind it', false],
    ['Unknown', 'broken', true],
    ['Unknown', 'text', true],
  ]);
  expect(errors[4]?.message).toMatch(/^x+ …\[\d+ characters, cut\]… x+$/);
  expect(Buffer.byteLength(errors[4]!.message)).toBeLessThanOrEqual(4096);
  const missing = await rpcFailure(callerOf(connection).unary('PreStartContainer', {}));
  expect(missing).toMatchObject({ grpcCodeName: 'Unimplemented', message: 'method PreStartContainer not implemented' });
});

test('messages beyond the bound of either end are ResourceExhausted', async () => {
  await using _server = await serve(
    {
      Allocate: ({ containerRequests }) => ({
        containerResponses: [{ envs: { x: 'x'.repeat(containerRequests.length) } }],
      }),
    },
    { maxMessageBytes: 20_000 },
  );
  const ask = (connection: Connection, n: number) =>
    rpcFailure(callerOf(connection).unary('Allocate', { containerRequests: Array(n).fill({}) }));
  using connection = connect();
  expect((await ask(connection, 30_000)).grpcCodeName).toBe('ResourceExhausted');
  using careful = connect({ maxMessageBytes: 4000 });
  expect((await ask(careful, 30_000)).grpcCodeName).toBe('ResourceExhausted');
  using curious = connect({ maxMessageBytes: 15_000 });
  await callerOf(curious).unary('Allocate', { containerRequests: Array(7000).fill({}) });
});

test('a deadline, an abort and the end of the connection end a call, and its handler hears of each', async () => {
  let aborted = 0;
  let begun = 0;
  await using _server = await serve({
    Allocate: (_, { signal }) => {
      begun += 1;
      signal.addEventListener('abort', () => {
        aborted += 1;
      });
      return never();
    },
  });
  using connection = connect();
  await connection.ready(20_000);
  expect((await rpcFailure(callerOf(connection, 500).unary('Allocate', {}))).grpcCodeName).toBe('DeadlineExceeded');
  const abort = new AbortController();
  const cancelled = rpcFailure(callerOf(connection).unary('Allocate', {}, { signal: abort.signal }));
  await until(() => begun === 2);
  abort.abort();
  expect(await cancelled).toMatchObject({ grpcCodeName: 'Canceled', settled: false });
  const closed = rpcFailure(callerOf(connection).unary('Allocate', {}));
  await until(() => begun === 3);
  connection[Symbol.dispose]();
  expect((await closed).settled).toBe(false);
  await until(() => aborted === 3);
  const after = await rpcFailure(callerOf(connection).unary('Allocate', {}));
  expect(after.message).toBe('the connection to the device plug-in is closed');
});

test('a connection finds a server that came back, and one that comes late', async () => {
  const handlers: DeviceHandlers = { Allocate: () => ({}) };
  using connection = connect();
  const ready = connection.ready(20_000);
  const first = await serve(handlers);
  await ready;
  await callerOf(connection).unary('Allocate', {});
  await first.close();
  expect((await rpcFailure(callerOf(connection).unary('Allocate', {}))).grpcCodeName).toBe('Unavailable');
  await using _second = await serve(handlers);
  await connection.ready(20_000);
  await callerOf(connection).unary('Allocate', {});
});

test('calls are reported once each', async () => {
  await using _server = await serve({ Allocate: () => ({}) });
  const records: CallRecord[] = [];
  using connection = connect({ onCall: (record) => records.push(record) });
  await callerOf(connection).unary('Allocate', {});
  await rpcFailure(callerOf(connection).unary('PreStartContainer', {}));
  expect(records.map((r) => [r.method, r.error?.grpcCodeName])).toEqual([
    ['Allocate', undefined],
    ['PreStartContainer', 'Unimplemented'],
  ]);
});

describe('a peer that accepts and says nothing', () => {
  const sockets = new Set<Socket>();
  let silent: Server;
  beforeEach(async () => {
    silent = createServer((socket) => sockets.add(socket.on('error', () => {}).resume()));
    await new Promise<void>((resolve) => silent.listen(path, resolve));
  });
  afterEach(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  });

  test('is not ready in time', async () => {
    using connection = connect();
    const error = await rpcFailure(connection.ready(100));
    expect(error).toMatchObject({ grpcCodeName: 'DeadlineExceeded', message: 'no gRPC server answered within 100 ms' });
  });

  test('holds no socket of ours when the connection is closed', async () => {
    const connection = connect();
    const abort = new AbortController();
    const waiting = rpcFailure(connection.ready(20_000, abort.signal));
    const other = rpcFailure(connection.ready(20_000));
    await until(() => sockets.size === 1);
    abort.abort();
    expect((await waiting).grpcCodeName).toBe('Canceled');
    connection[Symbol.dispose]();
    expect((await other).grpcCodeName).toBe('Unavailable');
    await until(() => [...sockets].every((socket) => socket.destroyed));
    expect(sockets.size).toBe(1);
  });
});

describe('the socket', () => {
  test('has its mode, and is gone after the end', async () => {
    const server = await serve({}, { mode: 0o640 });
    expect((await lstat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(directory)).toEqual(['a.sock']);
    await server.close();
    await server.close();
    expect(await readdir(directory)).toEqual([]);
  });

  test('is root’s alone unless said otherwise', async () => {
    await using _server = await serve();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('replaces one that nobody listens on, and what a killed process left beside it', async () => {
    await leaveDeadSocket(path);
    await leaveDeadSocket(join(directory, '.a.sock~'));
    await using _server = await serve({ Allocate: () => ({}) });
    using connection = connect();
    await callerOf(connection).unary('Allocate', {});
    expect(await readdir(directory)).toEqual(['a.sock']);
  });

  test('does not replace a living one', async () => {
    await using _server = await serve({ Allocate: () => ({}) });
    expect(await failure(serve())).toMatchObject({
      code: 'SocketInUse',
      message: `another process listens on "${path}"; end it first`,
    });
    using connection = connect();
    await callerOf(connection).unary('Allocate', {});
  });

  test.each(['file', 'link'])('does not replace a %s', async (kind) => {
    if (kind === 'file') await writeFile(path, 'precious');
    else await symlink('/etc/passwd', path);
    expect(await failure(serve())).toMatchObject({ code: 'NotASocket' });
    expect((await lstat(path)).isSocket()).toBe(false);
  });

  test('of a successor is not removed', async () => {
    const old = await serve();
    await rm(path);
    await using _next = await serve({ Allocate: () => ({}) });
    await old.close();
    using connection = connect();
    await callerOf(connection).unary('Allocate', {});
  });

  test('with a path that the kernel would cut is refused, and so is a directory that is not there', async () => {
    const long = join(directory, 'x'.repeat(120));
    expect(await failure(startRpcServer({ path: long, services: [] }))).toMatchObject({
      code: 'SocketPathTooLong',
      message: expect.stringContaining(`bytes long, and at most 105 can be used`),
    });
    const lost = join(directory, 'no', 'a.sock');
    expect(await failure(startRpcServer({ path: lost, services: [] }))).toMatchObject({ code: 'SocketUnusable' });
  });
});

describe('the end of a server', () => {
  test('waits for calls under way, takes no new ones, and then is over', async () => {
    const go = Promise.withResolvers<void>();
    let begun = 0;
    const server = await serve({
      Allocate: async () => {
        begun += 1;
        await go.promise;
        return {};
      },
    });
    using connection = connect();
    const call = callerOf(connection).unary('Allocate', {});
    await until(() => begun === 1);
    const closing = server.close(20_000);
    await until(() => readdir(directory).then((names) => names.length === 0));
    using late = connect();
    expect((await rpcFailure(callerOf(late).unary('Allocate', {}))).grpcCodeName).toBe('Unavailable');
    go.resolve();
    await call;
    await closing;
  });

  test('does not wait longer than its grace', async () => {
    let begun = false;
    const server = await serve({
      Allocate: () => {
        begun = true;
        return never();
      },
    });
    using connection = connect();
    const call = rpcFailure(callerOf(connection).unary('Allocate', {}));
    await until(() => begun);
    await server.close(50);
    expect((await call).settled).toBe(false);
  });
});

test('connections beyond the bound are closed; bytes that are no gRPC harm nobody', async () => {
  await using _server = await serve({ Allocate: () => ({}) }, { maxConnections: 2 });
  using connection = connect();
  await callerOf(connection).unary('Allocate', {});
  const raw = (text: string) => {
    const socket = createConnection(path).on('error', () => {});
    socket.write(text);
    return socket.resume();
  };
  const noise = raw('GET / HTTP/1.1\r\n\r\n');
  await until(() => noise.destroyed);
  const silent = raw('PRI');
  const refused = raw('');
  await until(() => refused.destroyed);
  expect(silent.destroyed).toBe(false);
  await callerOf(connection).unary('Allocate', {});
  silent.destroy();
});

async function leaveDeadSocket(at: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${at}.living`, resolve));
  await rename(`${at}.living`, at); // Node removes the name that it bound, which is not there any more
  await new Promise((resolve) => server.close(resolve));
}
