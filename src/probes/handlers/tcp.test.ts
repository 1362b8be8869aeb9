import http from 'node:http';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { realClock } from '../../lib/clock.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { listen, newTimeWaits } from '../fake/servers.ts';
import { open } from './connection.ts';
import { deadline } from './deadline.ts';
import { httpHandler } from './http.ts';
import { tcpHandler } from './tcp.ts';

const never = new AbortController().signal;
const context = { container: { name: 'c' }, containerId: 'c', podIP: '127.0.0.1', timeoutMs: 30_000, signal: never };
const probe = tcpHandler(realClock);

test('an open port is healthy, a closed one is not', async () => {
  const server = await listen(net.createServer());
  expect(await probe({ port: server.port }, context)).toEqual({ result: 'success', output: '' });
  await server[Symbol.asyncDispose]();
  const output = `dial tcp 127.0.0.1:${server.port}: connect: connection refused`;
  expect(await probe({ port: server.port }, context)).toEqual({ result: 'failure', output });
});

test('host, name and problems of the port', async () => {
  await using server = await listen(net.createServer(), '::1');
  expect(await probe({ port: server.port, host: '::1' }, { ...context, podIP: '' })).toMatchObject({
    result: 'success',
  });
  expect(await probe({ port: 'x' }, context)).toMatchObject({ result: 'unknown' });
  expect(await probe({ port: 1 }, { ...context, podIP: '' })).toMatchObject({ result: 'unknown' });
});

test('a listener whose queue is full lets the time run out', async () => {
  // A blocked thread accepts nothing; when its backlog is full the kernel drops what comes, like a filtered port.
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const worker = new Worker(code, { eval: true });
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  const fillers = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  await until(() => fillers.filter((socket) => !socket.connecting).length >= 2);
  const output = `dial tcp 127.0.0.1:${port}: i/o timeout`;
  expect(await probe({ port }, { ...context, timeoutMs: 200 })).toEqual({ result: 'failure', output });
  for (const socket of fillers) socket.destroy();
  await worker.terminate();
});

test('aborted, it ends', async () => {
  const aborted = await probe({ port: 9 }, { ...context, signal: AbortSignal.abort() });
  expect(aborted).toEqual({ result: 'failure', output: 'dial tcp 127.0.0.1:9: operation was canceled' });
});

test('600 probes of each kind leave no connection in TIME_WAIT', async () => {
  await using tcp = await listen(net.createServer());
  await using web = await listen(http.createServer((_request, response) => response.end('ok')));
  const timeWaits = [newTimeWaits(tcp.port), newTimeWaits(web.port)];
  const get = httpHandler(realClock);
  const results = new Set<string>();
  for (let round = 0; round < 6; round++) {
    const batch = Array.from({ length: 100 }, () => [
      probe({ port: tcp.port }, context),
      get({ port: web.port, path: '/' }, context),
    ]).flat();
    for (const { result } of await Promise.all(batch)) results.add(result);
  }
  expect([...results]).toEqual(['success']);
  expect(timeWaits.map((count) => count())).toEqual([0, 0]);
});

test('a connection that is already shutting down can be dropped all the same', async () => {
  await using server = await listen(net.createServer((socket) => socket.resume()));
  const connection = open('127.0.0.1', server.port, false, () => {});
  await new Promise((resolve) => connection.socket.once('connect', resolve));
  connection.socket.end();
  connection.reset();
  await until(() => connection.socket.closed);
});

describe('deadline', () => {
  test('expires after its time, not before', async () => {
    const clock = new ManualClock();
    let over = false;
    deadline(clock, 1000, () => {
      over = true;
    });
    await clock.advanceAsync(999);
    expect(over).toBe(false);
    await clock.advanceAsync(1);
    expect(over).toBe(true);
  });

  test('disposed, it never does', async () => {
    const clock = new ManualClock();
    const timer = deadline(clock, 1000, () => {
      throw new Error('expired');
    });
    timer[Symbol.dispose]();
    await clock.advanceAsync(2000);
    expect(clock.pending).toBe(0);
  });

  test('a stall is not charged', () => {
    const armed: { ms: number; fn: () => void }[] = [];
    const clock = {
      now: () => ({ wall: 0, mono: 0 }),
      setTimer: (ms: number, fn: () => void) => {
        armed.push({ ms, fn });
        return { [Symbol.dispose]() {} };
      },
    };
    deadline(clock, 1000, () => {});
    armed[0]?.fn(); // however late this comes, only its slice is gone
    expect(armed.map(({ ms }) => ms)).toEqual([125, 125]);
  });
});
