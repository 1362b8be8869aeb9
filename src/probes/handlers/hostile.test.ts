import net from 'node:net';
import { realClock } from '../../lib/clock.ts';
import { Random } from '../../lib/fake/random.ts';
import { until } from '../../lib/fake/until.ts';
import type { Container, HTTPGetAction, Probe } from '../../types/k8s.ts';
import { listen } from '../fake/servers.ts';
import { HookRunner } from '../hooks.ts';
import { attempt, createHandlers } from './registry.ts';

const cri = { execSync: () => Promise.reject(new Error('no runtime')) };
const handlers = createHandlers(cri, realClock);
const hooks = new HookRunner({ cri, clock: realClock, onEvent: () => {} });
const never = new AbortController().signal;
const pieces = [
  'a',
  'X-A',
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\0',
  '\x7f',
  ':',
  '/',
  '?',
  '#',
  '@',
  '[',
  ']',
  '%',
  '%zz',
  '"',
  '<',
  'ü',
  '😀',
  '\ud800',
];

/** Sockets of this process that libuv holds open, servers apart. */
const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

/** A server that takes connections, reads, answers nothing and never closes; `open` are those it has. */
async function mute() {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket.resume());
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
  });
  const running = await listen(server);
  return { open, port: running.port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

const context = (podIP = '127.0.0.1') => ({
  ...{ container: { name: 'c' }, containerId: 'c', podIP, timeoutMs: 20, signal: never },
});

function hook(httpGet: HTTPGetAction, stop: AbortSignal): Promise<unknown> {
  const container: Container = { name: 'c', lifecycle: { postStart: { httpGet } } };
  return hooks.postStart({ metadata: { name: 'p' } }, container, 'c', '127.0.0.1', stop);
}

test.each([
  ['a\nb', 'X-A'],
  ['a\0b', 'X-A'],
  ['a\x7fb', 'X-A'],
  ['a\r\nX-B: c', 'X-A'],
  ['a\nb', 'Host'],
  ['a\nb', 'User-Agent'],
  ['a\nb', 'Content-Length'],
])('a value %j of header %s: the probe fails in Go’s words, and nothing was opened', async (value, name) => {
  await using server = await mute();
  const httpGet = { path: '/', port: server.port, httpHeaders: [{ name, value }] };
  let connections = 0;
  const problem = `Get "http://127.0.0.1:${server.port}/": net/http: invalid header field value for "${name}"`;
  for (let i = 0; i < 20; i++) {
    expect(await attempt(handlers, { httpGet }, context())).toEqual({ result: 'failure', output: problem });
    await expect(hook(httpGet, never)).rejects.toThrow(problem);
    connections += server.open.size;
  }
  expect([connections, server.open.size]).toEqual([0, 0]);
});

test.each([
  ['a b', 'parse "http://a%20b:80/": invalid URL escape "%20"'],
  ['a\nb', 'parse "http://a%0Ab:80/": invalid URL escape "%0A"'],
  ['a/b', 'parse "http://a%2Fb:80/": invalid URL escape "%2F"'],
  ['a@b', 'parse "http://a%40b:80/": invalid URL escape "%40"'],
  ['[', `parse "http://[:80/": missing ']' in host`],
  ['[a]b', 'parse "http://[a]b:80/": invalid IP-literal'],
])('host %j: there is no such request', async (host, error) => {
  const httpGet = { path: '/', port: 80, host };
  expect(await attempt(handlers, { httpGet }, context())).toEqual({ result: 'unknown', error });
  await expect(hook(httpGet, never)).rejects.toThrow(error);
});

test('a Host header that cannot be said is sent empty, letters beyond ASCII in Punycode', async () => {
  const heard: string[] = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => {
      heard.push(/^Host: (.*)\r$/m.exec(data.toString())?.[1] ?? '?');
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  await using running = await listen(server);
  for (const value of ['a b/c', 'a@b', 'ü ü', 'ü.example', 'x.example:8080']) {
    const httpGet = { path: '/', port: running.port, httpHeaders: [{ name: 'Host', value }] };
    await attempt(handlers, { httpGet }, { ...context(), timeoutMs: 20_000 });
  }
  expect(heard).toEqual(['', '', '', 'xn--tda.example', 'x.example:8080']);
});

/** A probe that no sane person writes. A host that could be one would be looked up; these cannot. */
function hostileProbe(random: Random, port: number): Probe {
  const text = (most: number) => Array.from({ length: random.int(most) }, () => random.pick(...pieces)).join('');
  const httpHeaders = Array.from({ length: random.int(3) }, () => ({ name: text(3), value: text(4) }));
  const anyPort = random.pick(port, port, port, 1, 0, -1, 70_000, 1.5);
  const host = random.chance(0.7) ? '127.0.0.1' : `${text(3)}${random.pick('[', ' ', '\0', '/')}${text(3)}`;
  const scheme = random.chance(0.2) ? 'HTTPS' : 'HTTP';
  return random.pick<Probe>(
    { httpGet: { path: text(6), port: anyPort, host, scheme, httpHeaders } },
    { httpGet: { path: '/', port, httpHeaders } },
    { tcpSocket: { port: anyPort, host: '127.0.0.1\0' } },
    { tcpSocket: { port: anyPort } },
    { grpc: { port: anyPort, service: text(5) } },
  );
}

test('whatever a Pod writes into its probes and hooks: no handler rejects, and no socket stays', async () => {
  await using server = await mute();
  const before = sockets();
  const random = new Random(7);
  const one = async () => {
    const probe = hostileProbe(random, server.port);
    const found = await attempt(handlers, probe, context(random.pick('127.0.0.1', '127.0.0.1', 'a b[', '\n')));
    expect(['success', 'failure', 'unknown']).toContain(found.result);
    if (!probe.httpGet) return;
    await hook(probe.httpGet, AbortSignal.timeout(20)).catch((error) => expect(error.name).toMatch(/Error$/));
  };
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 20 }, one));
  await until(() => server.open.size === 0 && sockets() <= before);
});
