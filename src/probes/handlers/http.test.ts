import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { realClock } from '../../lib/clock.ts';
import type { Container, HTTPGetAction } from '../../types/k8s.ts';
import { selfSigned } from '../fake/selfSigned.ts';
import type { Running } from '../fake/servers.ts';
import { listen, newTimeWaits } from '../fake/servers.ts';
import { httpHandler } from './http.ts';

const container: Container = { name: 'web' };
const probe = httpHandler(realClock);
const never = new AbortController().signal;

function attempt(action: Partial<HTTPGetAction> & { port: number }, timeoutMs = 5000, signal = never) {
  return probe({ path: '/', ...action }, { container, containerId: 'c', podIP: '127.0.0.1', timeoutMs, signal });
}

/** Answers by the request's path. */
function routes(request: http.IncomingMessage, response: http.ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://x');
  const [kind, argument = ''] = url.pathname.slice(1).split('/');
  if (kind === 'status') response.writeHead(Number(argument)).end('secret body');
  else if (kind === 'headers') response.end(request.rawHeaders.join('|'));
  else if (kind === 'host') response.writeHead(request.headers.host === argument ? 200 : 400).end();
  else if (kind === 'to') response.writeHead(302, { location: url.searchParams.get('l') ?? '' }).end('<a>Found</a>.\n');
  else if (kind === 'huge') response.write('a'.repeat(1_000_000));
  else if (kind === 'stall') response.write('begun');
  else if (kind === 'cut') response.writeHead(200, { 'content-length': 100 }).write('x', () => response.destroy());
  else if (kind === 'path') response.end(request.url);
  else if (kind !== 'silent') response.end('ok body');
}

describe('http', () => {
  let server: Running;
  beforeAll(async () => {
    server = await listen(http.createServer(routes));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.each([
    ['/', { result: 'success', output: 'ok body' }],
    ['', { result: 'success', output: 'ok body' }],
    ['/status/204', { result: 'success', output: '' }],
    ['/status/304', { result: 'warning', output: 'Probe terminated redirects, Response body: ' }],
    ['/status/302', { result: 'warning', output: 'Probe terminated redirects, Response body: secret body' }],
    ['/status/400', { result: 'failure', output: 'HTTP probe failed with statuscode: 400' }],
    ['/status/500', { result: 'failure', output: 'HTTP probe failed with statuscode: 500' }],
    ['/path/ü b?q=ü', { result: 'success', output: '/path/%C3%BC%20b?q=%C3%BC' }],
    ['/to?l=/status/200', { result: 'success', output: 'secret body' }],
    ['/to?l=/status/500', { result: 'failure', output: 'HTTP probe failed with statuscode: 500' }],
    [
      '/to?l=http://0.0.0.0/',
      { result: 'warning', output: 'Probe terminated redirects, Response body: <a>Found</a>.\n' },
    ],
    ['/cut', { result: 'failure', error: 'unexpected EOF' }],
  ])('GET %s', async (path, expected) => {
    expect(await attempt({ port: server.port, path })).toEqual(expected);
  });

  test('the request is the one that kubelet sends', async () => {
    const { output } = (await attempt({ port: server.port, path: '/headers' })) as { output: string };
    const expected = `Host|127.0.0.1:${server.port}|User-Agent|kube-probe/1.36|Accept|*/*|Connection|close`;
    expect(output).toBe(expected);
  });

  test('headers of the action: empty, foreign letters, Host', async () => {
    const httpHeaders = [
      { name: 'x-umlaut', value: 'ü' },
      { name: 'X-Empty', value: '' },
      { name: 'User-Agent', value: '' },
      { name: 'Host', value: 'muffins.example' },
    ];
    const { output } = (await attempt({ port: server.port, path: '/headers', httpHeaders })) as { output: string };
    const umlaut = Buffer.from('ü').toString('latin1');
    expect(output).toBe(`Host|muffins.example|Accept|*/*|X-Umlaut|${umlaut}|X-Empty||Connection|close`);
  });

  test('Host outlives a relative redirect, and gives way to an absolute one', async () => {
    const to = (l: string) => ({
      port: server.port,
      path: `/to?l=${encodeURIComponent(l)}`,
      httpHeaders: [{ name: 'Host', value: 'kept' }],
    });
    expect(await attempt(to('/host/kept'))).toMatchObject({ result: 'success' });
    const authority = `127.0.0.1:${server.port}`;
    expect(await attempt(to(`http://${authority}/host/${authority}`))).toMatchObject({ result: 'success' });
  });

  test('endless redirects end', async () => {
    await using loop = await listen(http.createServer((_q, s) => s.writeHead(302, { location: '/loop' }).end()));
    expect(await attempt({ port: loop.port })).toEqual({
      result: 'failure',
      output: `Get "http://127.0.0.1:${loop.port}/loop": stopped after 10 redirects`,
    });
  });

  test('of a huge body 10 KiB are read', async () => {
    const { output } = (await attempt({ port: server.port, path: '/huge' })) as { output: string };
    expect(output).toBe('a'.repeat(10 * 1024));
  });

  test('silence is a failure, a body that stalls an error', async () => {
    const [silent, stalled] = await Promise.all([
      attempt({ port: server.port, path: '/silent' }, 200),
      attempt({ port: server.port, path: '/stall' }, 200),
    ]);
    const url = `http://127.0.0.1:${server.port}/silent`;
    const output = `Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
    expect(silent).toEqual({ result: 'failure', output });
    expect(stalled).toEqual({
      result: 'failure',
      error: 'context deadline exceeded (Client.Timeout or context cancellation while reading body)',
    });
  });

  test('an answer that came in time counts although the event loop was blocked past the timeout', async () => {
    const answered = attempt({ port: server.port }, 60);
    await new Promise((resolve) => setImmediate(resolve));
    const end = performance.now() + 400;
    while (performance.now() < end);
    expect(await answered).toEqual({ result: 'success', output: 'ok body' });
  });

  test('aborting ends it at once', async () => {
    const abort = new AbortController();
    const answered = attempt({ port: server.port, path: '/silent' }, 60_000, abort.signal);
    setImmediate(() => abort.abort());
    expect(await answered).toMatchObject({ result: 'failure', output: expect.stringContaining('context canceled') });
  });

  test('the environment’s proxy is not used', async () => {
    process.env.http_proxy = process.env.HTTP_PROXY = 'http://127.0.0.1:1';
    try {
      expect(await attempt({ port: server.port })).toMatchObject({ result: 'success' });
    } finally {
      delete process.env.http_proxy;
      delete process.env.HTTP_PROXY;
    }
  });

  test('the port may be a name, and a Pod without an address is not dialled', async () => {
    const named = { ...container, ports: [{ name: 'web', containerPort: server.port }] };
    const context = { container: named, containerId: 'c', podIP: '127.0.0.1', timeoutMs: 1000, signal: never };
    expect(await probe({ port: 'web', scheme: 'HTTP' }, context)).toMatchObject({ result: 'success' });
    expect(await probe({ port: 'nope' }, context)).toMatchObject({ result: 'unknown' });
    expect(await probe({ port: 80 }, { ...context, podIP: '' })).toMatchObject({ result: 'unknown' });
  });
});

test('IPv6', async () => {
  await using server = await listen(http.createServer(routes), '::1');
  expect(await attempt({ port: server.port, host: '::1', path: '/headers' })).toMatchObject({
    output: expect.stringContaining(`Host|[::1]:${server.port}|`),
  });
});

describe('a server that speaks no HTTP', () => {
  async function against(onSocket: (socket: net.Socket) => void): Promise<string> {
    await using server = await listen(net.createServer(onSocket));
    const result = await attempt({ port: server.port }, 300);
    expect(result).toMatchObject({ result: 'failure' });
    const output = 'output' in result ? result.output : result.error;
    return output.replaceAll(String(server.port), 'PORT').replace(/127\.0\.0\.1:\d+->/, 'LOCAL->');
  }
  const get = 'Get "http://127.0.0.1:PORT/": ';
  test.each<[string, (socket: net.Socket) => void, string]>([
    [
      'garbage',
      (s) => s.end('garbage\r\n\r\n'),
      'net/http: HTTP/1.x transport connection broken: malformed HTTP response',
    ],
    ['end of file', (s) => s.end(), 'EOF'],
    [
      'reset',
      (s) => s.once('data', () => s.resetAndDestroy()),
      'read tcp LOCAL->127.0.0.1:PORT: read: connection reset by peer',
    ],
    ['half-open', (s) => s.resume(), 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'],
    [
      'drip',
      (s) => s.write('HTTP/1.1 200 OK\r\nX-'),
      'context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    ],
  ])('%s', async (_name, onSocket, expected) => {
    expect(await against(onSocket)).toBe(get + expected);
  });

  test('nobody listens', async () => {
    const { port } = await listen(net.createServer()).then(async (s) => {
      await s[Symbol.asyncDispose]();
      return s;
    });
    const output = `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`;
    expect(await attempt({ port })).toEqual({ result: 'failure', output });
  });

  test('a body that ends with the connection', async () => {
    await using server = await listen(net.createServer((s) => s.end('HTTP/1.0 200 OK\n\nold')));
    expect(await attempt({ port: server.port })).toEqual({ result: 'success', output: 'old' });
  });

  test('a switch of protocols is no success', async () => {
    const text = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
    await using server = await listen(net.createServer((s) => s.write(text)));
    expect(await attempt({ port: server.port })).toEqual({
      result: 'failure',
      output: 'HTTP probe failed with statuscode: 101',
    });
  });
});

describe('https', () => {
  test('an expired certificate of nobody’s is good enough, and nothing lingers', async () => {
    await using server = await listen(https.createServer(selfSigned('x'), routes));
    const timeWaits = newTimeWaits(server.port);
    const answer = await attempt({ port: server.port, scheme: 'HTTPS', path: '/to?l=/status/200' });
    expect(answer).toEqual({ result: 'success', output: 'secret body' });
    expect(timeWaits()).toBe(0);
  });

  test('plain HTTP instead of TLS', async () => {
    await using server = await listen(http.createServer(routes));
    const url = `https://127.0.0.1:${server.port}/`;
    expect(await attempt({ port: server.port, scheme: 'HTTPS' })).toEqual({
      result: 'failure',
      output: `Get "${url}": http: server gave HTTP response to HTTPS client`,
    });
  });
});
