import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { realClock } from '../../lib/clock.ts';
import { failure } from '../../lib/fake/until.ts';
import { createLogger } from '../../lib/logger.ts';
import { listen } from './listener.ts';

const lines: string[] = [];
const options = {
  host: '127.0.0.1',
  port: 0,
  handler: async (_request: unknown, response: { end(text: string): void }) => response.end('ok'),
  accept: { name: 'kubelet', clock: realClock, log: createLogger({ write: (line) => void lines.push(line) }) },
  crowd: { opened: () => {}, closed: () => {} },
  upgrades: () => false,
};

test('a connection that cannot be accepted does not end the process; it is logged and the server goes on', async () => {
  await using listener = await listen(options);
  for (let i = 0; i < 3; i++) listener.server.emit('error', new Error('accept ENFILE'));
  expect(lines).toEqual([expect.stringMatching(/"a connection could not be accepted; .*server="kubelet".*ENFILE/)]);
  expect(await (await fetch(`http://127.0.0.1:${listener.port}/`)).text()).toBe('ok');
});

test('a taken port is told in one sentence', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as { port: number };
  expect(String(await failure(listen({ ...options, port })))).toMatch(
    `cannot listen on 127.0.0.1 port ${port}: listen EADDRINUSE`,
  );
  holder.close();
});

test('another protocol is asked for before the request in front of it was answered: that connection ends, and nothing else', async () => {
  const handler = async (request: { url?: string }, response: { end(text: string): void }) => {
    if (request.url !== '/slow') response.end('ok');
  };
  await using listener = await listen({ ...options, handler: handler as never, upgrades: () => true });
  const socket = connect(listener.port, '127.0.0.1');
  const closed = once(socket, 'close');
  socket.on('error', () => {});
  socket.resume();
  socket.write(
    'GET /slow HTTP/1.1\r\nHost: n\r\n\r\nGET / HTTP/1.1\r\nHost: n\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  await closed;
  expect(listener.upgraded.size).toBe(0);
  expect(await (await fetch(`http://127.0.0.1:${listener.port}/`)).text()).toBe('ok');
});
