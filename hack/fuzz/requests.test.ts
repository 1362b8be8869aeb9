import { connect as connectPlain, type Socket } from 'node:net';
import { Random } from '../../src/lib/fake/random.ts';
import { until } from '../../src/lib/fake/until.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { ODD_TEXTS } from '../../src/podworker/fake/sim/hostilePod.ts';
import { servedPod } from '../../src/server/fake/fakeHost.ts';
import {
  ask,
  bearer,
  eachOnItsOwn,
  freePort,
  host,
  openTls,
  server,
  start,
  token,
} from '../../src/server/fake/testServer.ts';
import type { ServerRuntime } from '../../src/server/host.ts';
import { routes } from '../../src/server/routes/registry.ts';
import { DEFECT, fuzzing, heapMiB, randomBytes } from './settings.ts';

const { count, first, isLong } = fuzzing(1_000);
/** Requests that share a connection, until the server closes it. */
const PER_CONNECTION = 20;
const paths = Object.values(routes).flatMap((route) => route.paths);

function path(random: Random): string {
  const base = random
    .pick(...paths)
    .replaceAll(/\{[^}]*\}/g, () => random.pick('ns', 'p', 'c', '..', '%00', '%2e%2e', 'x'.repeat(300), '%', 'é'));
  const query = random.chance(0.4)
    ? `?${random.pick('follow', 'tailLines', 'command', 'output', 'timeout', 'query', 'seconds', 'sinceTime', '', '__proto__')}=${encodeURIComponent(random.pick(...ODD_TEXTS)).slice(0, 200)}`
    : '';
  return random.chance(0.05) ? `/${encodeURIComponent(random.pick(...ODD_TEXTS)).slice(0, 400)}` : `${base}${query}`;
}

function headers(random: Random): string[] {
  const bearerOf = (text: string) => Buffer.from(text).toString('base64url');
  return [
    'Host: node',
    ...(random.chance(0.6)
      ? [
          `Authorization: ${random.pick('Bearer good', 'Bearer bad', 'Basic eDp5', 'Bearer', `Bearer ${'x'.repeat(5_000)}`)}`,
        ]
      : []),
    ...(random.chance(0.15)
      ? [`Connection: Upgrade`, `Upgrade: ${random.pick('SPDY/3.1', 'websocket', 'h2c', '')}`]
      : []),
    ...(random.chance(0.1)
      ? [
          `Sec-WebSocket-Protocol: ${random.pick(`base64url.bearer.authorization.k8s.io.${bearerOf('good')}`, 'v5.channel.k8s.io', ',,,', 'base64url.bearer.authorization.k8s.io.%%%')}`,
        ]
      : []),
    ...(random.chance(0.1) ? [`Accept: ${random.pick('application/json', '*/*', ';q=', 'x'.repeat(2_000))}`] : []),
    ...(random.chance(0.1) ? [`X-${'a'.repeat(random.int(50))}: ${'b'.repeat(random.int(3_000))}`] : []),
  ];
}

/** Bytes of one request; some are no request at all. `more`: the connection can be used again. */
function request(random: Random): { readonly bytes: Buffer; readonly more: boolean } {
  if (random.chance(0.03)) return { bytes: randomBytes((n) => random.int(n), 300), more: false };
  const method = random.pick(
    'GET',
    'GET',
    'POST',
    'PUT',
    'DELETE',
    'HEAD',
    'OPTIONS',
    'PATCH',
    'PROPFIND',
    'get',
    'TRACE',
  );
  const lines = headers(random);
  const body = method === 'POST' || method === 'PUT' ? randomBytes((n) => random.int(n), 200) : Buffer.alloc(0);
  const lies = random.chance(0.03);
  if (body.length > 0 || lies)
    lines.push(`Content-Length: ${lies ? random.pick('-1', '1e9', '99999999999', 'x') : body.length}`);
  const upgrades = lines.some((line) => line.startsWith('Upgrade'));
  const head = `${method} ${path(random)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head), body]), more: !lies && !upgrades };
}

/** Sends until the server closes or it was the last; resolves with the number of answers when the connection is over. */
async function talk(socket: Socket, random: Random, most: number): Promise<{ sent: number; answers: number }> {
  let answers = 0;
  let tail = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const text = tail + chunk.toString('latin1');
    answers += text.split('HTTP/1.1 ').length - 1;
    tail = text.slice(-8);
  });
  let sent = 0;
  for (; sent < most && !socket.destroyed && !socket.readableEnded; sent++) {
    const { bytes, more } = request(random);
    socket.write(bytes);
    if (!more) {
      sent += 1;
      break;
    }
  }
  // A half-closed connection lets every answer come; what follows a log or waits for a body is cut off.
  if (random.chance(0.1)) socket.destroy();
  else {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), 300);
    await until(() => socket.closed, 25_000);
    clearTimeout(timer);
  }
  return { sent, answers };
}

/** TCP connections of this process: also those that an earlier test file of the same jest worker left. */
const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

eachOnItsOwn();

test(
  `${count} hostile requests from seed ${first}, with and without credentials: each is answered or cut off, no defect shows, nothing is left`,
  async () => {
    const before = openSockets();
    const readOnlyPort = await freePort();
    await start({ readOnlyPort }, { token, review: async (user) => user.name === 'bob' });
    host.served = [servedPod()];
    const defects: string[] = [];
    jest.spyOn(silentLogger, 'error').mockImplementation((message, fields = {}) => {
      const { error } = fields;
      if (typeof error === 'string' && DEFECT.test(error)) defects.push(`${message}: ${JSON.stringify(fields)}`);
    });
    const refuse = async () => {
      throw new Error('the runtime does not want to');
    };
    host.runtime = {
      exec: refuse,
      attach: refuse,
      portForward: refuse,
      containerStatus: refuse,
    } as Partial<ServerRuntime> as ServerRuntime;
    let sent = 0;
    let answers = 0;
    let heap = 0;
    for (let seed = first; sent < count; seed++) {
      const random = new Random(seed);
      const socket = random.chance(0.3) ? connectPlain(readOnlyPort, '127.0.0.1') : await openTls();
      const said = await talk(socket, random, Math.min(PER_CONNECTION, count - sent));
      sent += said.sent;
      answers += said.answers;
      expect({ seed, defects }).toEqual({ seed, defects: [] });
      if (heap === 0 && sent > 2_000) heap = heapMiB();
      if (isLong && seed % 500 === 0)
        process.stderr.write(`${sent} requests, ${answers} answers, ${heapMiB().toFixed(0)} MiB\n`);
    }
    expect(answers).toBeGreaterThan(count / 10); // or this shows nothing
    expect(await ask('/pods', bearer('good'))).toMatchObject({ status: 200 });
    await until(() => server.secure.upgraded.size === 0);
    // A connection that broke off in its handshake or headers goes with the server's own limits on them.
    await until(() => openSockets() <= before + 1, 180_000);
    if (isLong) expect(heapMiB()).toBeLessThan(heap + 32);
  },
  24 * 3_600_000,
);
