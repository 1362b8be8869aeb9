import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { createLogger } from '../../lib/logger.ts';
import { KeptServer } from './keptServer.ts';

let clock: ManualClock;
let server: Server;
let lines: string[];
let kept: KeptServer;
let begun: number;
let begin: () => void | Promise<void>;
beforeEach(() => {
  clock = new ManualClock();
  server = createServer();
  lines = [];
  begun = 0;
  begin = () => void server.listen(0, '127.0.0.1');
  kept = new KeptServer({
    ...{ name: 'test', server, clock },
    log: createLogger({ write: (line) => void lines.push(line) }),
    begin: () => {
      begun += 1;
      return begin();
    },
    failed: (error, failures) => {
      lines.push(`${error.message} ${failures}`);
      return 1_000;
    },
  });
});
afterEach(() => kept[Symbol.asyncDispose]());

const acceptFails = () => server.emit('error', Object.assign(new Error('accept ENFILE'), { code: 'ENFILE' }));

test('a connection that cannot be accepted ends nothing and is no reason to listen again; it is told once a minute', async () => {
  await kept.start();
  for (let i = 0; i < 1000; i++) acceptFails();
  expect([lines.length, begun, server.listening, clock.pending]).toEqual([1, 1, true, 0]);
  expect(lines[0]).toMatch(
    /"a connection could not be accepted; the server goes on" server="test" error="accept ENFILE"/,
  );
  clock.advance(60_000);
  acceptFails();
  expect(lines).toHaveLength(2);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
])('a beginning that %s is tried again', async (_how, fails) => {
  const listens = begin;
  begin = fails;
  await kept.start();
  expect([lines, clock.nextIn]).toEqual([['no 1'], 1_000]);
  clock.advance(1_000);
  await until(() => lines.length === 2);
  begin = listens;
  clock.advance(1_000);
  await until(() => server.listening);
  expect([lines, begun, clock.pending]).toEqual([['no 1', 'no 2'], 3, 0]);
});

test('a server that listens is not asked to listen again', async () => {
  const listens = begin;
  begin = async () => {
    listens();
    await once(server, 'listening');
    throw new Error('after all');
  };
  await kept.start();
  await until(() => clock.pending === 1);
  clock.advance(1_000);
  expect([lines, begun, server.listening]).toEqual([['after all 1'], 1, true]);
});

test('nothing listens after the end, even when a beginning was under way', async () => {
  const slow = Promise.withResolvers<void>();
  const listens = begin;
  begin = () => slow.promise.then(listens);
  void kept.start();
  const ended = kept[Symbol.asyncDispose]();
  slow.resolve();
  await ended;
  expect(server.listening).toBe(false);
});
