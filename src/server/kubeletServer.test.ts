import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { TestAuthority } from '../api/fake/certificates.ts';
import { until } from '../lib/fake/until.ts';
import { Metrics } from '../lib/metrics.ts';
import { FakeHost, servedPod } from './fake/fakeHost.ts';
import type { ServerRuntime } from './host.ts';
import { type KubeletServer, type KubeletServerOptions, startKubeletServer } from './kubeletServer.ts';
import { routes } from './routes/registry.ts';

const authority = new TestAuthority();
const identity = authority.issue('alice', ['devs', 'ops']);
let dir: string;
let host: FakeHost;
let server: KubeletServer;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'server-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

async function start(config: object = {}, more: Partial<KubeletServerOptions> = {}): Promise<void> {
  writeFileSync(join(dir, 'ca.crt'), authority.ca);
  const authentication = {
    x509: { clientCAFile: join(dir, 'ca.crt') },
    webhook: { enabled: true, cacheTTL: 1 },
    anonymous: { enabled: false },
  };
  host = new FakeHost({ address: '127.0.0.1', port: 0, authentication, ...config } as never);
  const serving = { tlsCertFile: '', tlsPrivateKeyFile: '', certDir: dir, nodeName: 'node', addresses: ['127.0.0.1'] };
  server = await startKubeletServer({ host, metrics: new Metrics(), serving, ...more });
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

function ask(path: string, options: RequestOptions & { body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const own = { host: '127.0.0.1', port: server.secure.port, path, rejectUnauthorized: false, agent: false };
    const outgoing = httpsRequest({ ...own, ...rest }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const token = async (text: string) => (text === 'good' ? { name: 'bob', groups: ['g'] } : undefined);
const samplePath = (pattern: string) => pattern.replace(/\{\w+\*\}/g, 'x').replace(/\{\w+\}/g, 'x');

describe('every route goes through authentication and authorization', () => {
  const all = Object.entries(routes).flatMap(([name, route]) =>
    route.paths.flatMap((p) => (route.methods ?? ['GET', 'POST', 'PUT']).map((m) => [name, m, samplePath(p)] as const)),
  );
  const unknown = ['nothing', 'GET', '/nothing/here'] as const;

  test('the table has all of kubelet', async () => {
    await start();
    expect(Object.keys(routes).length).toBeGreaterThanOrEqual(18);
  });

  test('401 without credentials, 403 without rights, 500 when nobody can be asked', async () => {
    let verdict: () => boolean = () => false;
    await start({}, { token, review: async () => verdict() });
    for (const [name, method, path] of [...all, unknown]) {
      for (const headers of [{}, { connection: 'Upgrade', upgrade: 'SPDY/3.1' }]) {
        const nobody = await ask(path, { method, headers });
        expect([name, method, nobody.status, nobody.body]).toEqual([name, method, 401, 'Unauthorized']);
        verdict = () => false;
        const refused = await ask(path, { method, headers: { ...headers, ...bearer('good').headers } });
        expect([name, refused.status]).toEqual([name, 403]);
        expect(refused.body).toMatch(
          /^Forbidden \(user=bob, verb=\w*, resource=nodes, subresource\(s\)=\[[\w ]+\]\)\n$/,
        );
      }
    }
    verdict = () => {
      throw new Error('the API server is away');
    };
    const failed = await ask('/pods', bearer('good'));
    expect([failed.status, failed.body]).toEqual([
      500,
      'Authorization error (user=bob, verb=get, resource=nodes, subresource=pods)',
    ]);
  });

  test('the wide permission serves where the narrow one is missing, and the other way round', async () => {
    const asked: string[] = [];
    await start({}, { token, review: async (_user, _verb, sub) => asked.push(sub) > 0 && sub === 'proxy' });
    expect((await ask('/configz', bearer('good'))).status).toBe(200);
    expect(asked).toEqual(['configz', 'proxy']);
    expect((await ask('/metrics', bearer('good'))).status).toBe(403);
  });
});

describe('who asks', () => {
  test('a client certificate gives user and groups', async () => {
    const users: unknown[] = [];
    await start({}, { review: async (user) => users.push(user) > 0 });
    expect((await ask('/healthz', identity)).body).toBe('ok');
    expect(users[0]).toMatchObject({ name: 'alice', groups: ['devs', 'ops', 'system:authenticated'] });
  });

  test('a certificate of another CA, an expired one and a wrong token are refused even where anonymous may come in', async () => {
    const authentication = {
      x509: { clientCAFile: join(dir, 'ca.crt') },
      webhook: { enabled: true, cacheTTL: 1 },
      anonymous: { enabled: true },
    };
    await start({ authentication }, { token, review: async (user) => user.name === 'system:anonymous' });
    expect((await ask('/healthz')).status).toBe(200);
    expect((await ask('/healthz', new TestAuthority().issue('alice'))).status).toBe(401);
    expect((await ask('/healthz', authority.issue('alice', [], -1))).status).toBe(401);
    expect((await ask('/healthz', bearer('bad'))).status).toBe(401);
  });

  test('after a change of the client CA neither new nor old connections of the old one get in', async () => {
    await start({}, { review: async () => true });
    const socket = await openTls(identity);
    expect(await exchange(socket, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')).toContain('200 OK');
    const other = new TestAuthority();
    writeFileSync(join(dir, 'ca.crt'), other.ca);
    const newcomer = other.issue('carol');
    await untilAsync(async () => (await ask('/healthz', newcomer)).status === 200);
    expect((await ask('/healthz', identity)).status).toBe(401);
    expect(await exchange(socket, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')).toContain('401 Unauthorized');
    socket.destroy();
  });

  test('the serving certificate is made once, names the node, and follows its files', async () => {
    await start();
    const first = await openTls();
    const made = first.getPeerX509Certificate();
    expect(made?.subjectAltName).toBe('DNS:node, IP Address:127.0.0.1');
    first.destroy();
    const mine = authority.issue('node');
    writeFileSync(join(dir, 'kubelet.key'), mine.key);
    writeFileSync(join(dir, 'kubelet.crt'), mine.cert);
    await untilAsync(async () => {
      const socket = await openTls();
      const serial = socket.getPeerX509Certificate()?.serialNumber;
      socket.destroy();
      return serial !== made?.serialNumber;
    });
  });

  test('HTTP/1.1 is all that is offered', async () => {
    await start();
    const socket = await openTls({ ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  test('old TLS versions are refused', async () => {
    await start({ tlsMinVersion: 'VersionTLS13' });
    await expect(openTls({ maxVersion: 'TLSv1.2' })).rejects.toThrow();
    (await openTls()).destroy();
  });
});

describe('answers', () => {
  const open = { authorization: { mode: 'AlwaysAllow' } };
  const get = (path: string, more: RequestOptions = {}) => ask(path, { ...identity, ...more });

  test('methods and paths', async () => {
    await start(open);
    expect(await get('/nothing')).toMatchObject({ status: 404, body: '404: Page Not Found' });
    expect(await get('/pods', { method: 'POST' })).toMatchObject({ status: 405, body: '405: Method Not Allowed' });
    expect(await get('/pods', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect((await get('/logs/..%2f..%2fetc/passwd')).status).toBe(400);
    expect((await get('/run/ns/p/c')).status).toBe(405);
  });

  test('pods, runningpods, configz, explanations', async () => {
    await start(open);
    host.served = [servedPod(), servedPod({ uid: 'u2', name: 'gone', gone: true, observed: null })];
    const pods = JSON.parse((await get('/pods')).body);
    expect(pods).toMatchObject({ kind: 'PodList', items: [{ metadata: { name: 'p' } }] });
    expect(pods.items).toHaveLength(1);
    const running = JSON.parse((await get('/runningpods/')).body);
    expect(running.items).toMatchObject([{ metadata: { uid: 'uid' }, spec: { containers: [{ name: 'c' }] } }]);
    const { kubeletconfig } = JSON.parse((await get('/configz')).body);
    expect(kubeletconfig).toMatchObject({ kind: 'KubeletConfiguration', authorization: { mode: 'AlwaysAllow' } });
    expect((await get('/debug/pods/why')).body).toBe('No Pod on this node waits for anything.\n');
    expect((await get('/debug/pods/ns/x/why')).status).toBe(404);
  });

  test('health', async () => {
    await start(open);
    host.problem = 'the runtime is not answered';
    expect(await get('/healthz')).toMatchObject({ status: 500 });
    expect((await get('/healthz/ping')).body).toBe('ok');
    expect((await get('/healthz/syncloop')).body).toBe('internal server error: the runtime is not answered\n');
    expect((await get('/healthz/other')).status).toBe(404);
  });

  test('the verbosity of the log', async () => {
    await start(open);
    const put = await ask('/debug/flags/v', { ...identity, method: 'PUT', body: '5' });
    expect(put).toMatchObject({ status: 200, body: 'successfully set klog.logging.verbosity to 5' });
    expect(host.verbosity).toBe(5);
    expect((await ask('/debug/flags/v', { ...identity, method: 'PUT', body: 'x' })).status).toBe(400);
  });

  test.each([
    [{ enableDebuggingHandlers: false }, '/containerLogs/n/p/c', 'Debug endpoints are disabled.\n'],
    [{ enableDebuggingHandlers: false }, '/exec/n/p/c', 'Debug endpoints are disabled.\n'],
    [{ enableDebuggingHandlers: false }, '/logs/', 'Debug endpoints are disabled.\n'],
    [{ enableSystemLogHandler: false }, '/logs/', 'logs endpoint is disabled.\n'],
    [{ enableDebugFlagsHandler: false }, '/debug/flags/v', 'flags endpoint is disabled.\n'],
  ])('disabled: %j %s', async (config, path, body) => {
    await start({ ...open, ...config });
    expect(await get(path)).toMatchObject({ status: 405, body });
  });

  test('a log query is 405 unless enabled', async () => {
    await start(open);
    expect((await get('/logs/?query=kubelet')).status).toBe(405);
  });

  test('logs: the exact errors', async () => {
    await start(open);
    host.served = [servedPod()];
    host.runtime = { containerStatus: async () => Promise.reject(new Error('gone')) } as unknown as ServerRuntime;
    expect(await get('/containerLogs/ns/x/c')).toMatchObject({ status: 404, body: 'pod "x" does not exist' });
    expect(await get('/containerLogs/ns/p/x')).toMatchObject({
      status: 404,
      body: 'container "x" not found in pod "p"',
    });
    expect(await get('/containerLogs/ns/p/c?tailLines=-1')).toMatchObject({ status: 422 });
    expect(await get('/containerLogs/ns/p/c?tailLines=x')).toMatchObject({ status: 400 });
    expect(await get('/containerLogs/ns/p/c?previous=true')).toMatchObject({
      status: 400,
      body: 'previous terminated container "c" in pod "p" not found',
    });
    expect(await get('/containerLogs/ns/p/c')).toMatchObject({
      status: 200,
      body: 'unable to retrieve container logs for containerd://cid',
    });
  });

  test('headers over 1 MiB are refused', async () => {
    await start(open);
    expect((await get('/healthz', { headers: { a: 'x'.repeat(900_000) } })).status).toBe(200);
    const answer = await get('/healthz', { headers: { a: 'x'.repeat(1_100_000) } }).catch((e) => ({ status: e.code }));
    expect([431, 'EPIPE', 'ECONNRESET']).toContain(answer.status);
  });

  test('the read-only port serves what needs no rights, and nothing else', async () => {
    const port = await freePort();
    await start({ ...open, readOnlyPort: port });
    const plain = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    for (const path of ['/healthz', '/pods', '/metrics', '/stats/summary']) expect(await plain(path)).toBe(200);
    for (const path of [
      '/configz',
      '/exec/n/p/c',
      '/containerLogs/n/p/c',
      '/logs/',
      '/runningpods/',
      '/debug/pods/why',
    ])
      expect(await plain(path)).toBe(404);
  });
});

describe('streams', () => {
  /** A runtime's streaming server: upgrades, sends what it is told to first, then echoes. */
  async function runtime(answer: string) {
    const sockets: Socket[] = [];
    const heads: string[] = [];
    const listener = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      let head = '';
      socket.on('error', () => {});
      socket.on('data', function first(chunk) {
        head += chunk.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        heads.push(head);
        socket.off('data', first);
        socket.write(answer);
        socket.pipe(socket);
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const port = (listener.address() as { port: number }).port;
    host.served = [servedPod()];
    const url = async () => `http://127.0.0.1:${port}/exec/token`;
    host.runtime = { exec: url, attach: url, portForward: url } as unknown as ServerRuntime;
    const close = () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    };
    return { sockets, heads, close };
  }
  const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n';
  const head = (path: string) =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n`;
  const execPath = '/exec/ns/p/c?command=sh&output=1';
  beforeEach(() => start({}, { token, review: async () => true }));

  test.each([execPath, '/attach/ns/p/c?output=1', '/portForward/ns/p'])('%s passes bytes both ways', async (path) => {
    const far = await runtime(`${upgraded}early`);
    const socket = await openTls();
    const first = await exchange(socket, head(path), 'early');
    expect(first).toContain('101 Switching Protocols');
    const data = Buffer.alloc(3_000_000, 'abc');
    let back = 0;
    socket.on('data', (chunk: Buffer) => {
      back += chunk.length;
    });
    socket.write(data);
    await until(() => back === data.length);
    expect(far.heads[0]).not.toMatch(/authorization/i);
    expect(far.heads[0]).toMatch(/^POST \/exec\/token HTTP/);
    socket.end();
    await until(() => socket.closed && far.sockets.every((s) => s.closed));
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('what is sent behind the head of the request is not lost', async () => {
    const far = await runtime(upgraded);
    const socket = await openTls();
    expect(await exchange(socket, `${head(execPath)}eager`, 'eager')).toContain('eager');
    socket.destroy();
    await until(() => far.sockets.every((s) => s.closed));
    far.close();
  });

  test('a client that has said everything still hears the whole answer', async () => {
    const far = await runtime(upgraded);
    const socket = await openTls({ allowHalfOpen: true });
    await exchange(socket, head(execPath), '\r\n\r\n');
    const answer = Buffer.alloc(2_000_000, 'z');
    const runtimeSide = far.sockets[0] as Socket;
    runtimeSide.unpipe(runtimeSide);
    runtimeSide.resume();
    runtimeSide.once('end', () => runtimeSide.end(answer));
    let heard = 0;
    let over = false;
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.length;
    });
    socket.on('end', () => {
      over = true;
    });
    socket.end('last words');
    await until(() => over);
    expect(heard).toBe(answer.length);
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('either side may vanish, and nothing is left', async () => {
    const far = await runtime(`${upgraded}x`);
    for (const client of [true, false]) {
      const socket = await openTls();
      socket.on('error', () => {});
      await exchange(socket, head(execPath), '\r\n\r\nx');
      if (client) socket.destroy();
      else far.sockets.at(-1)?.resetAndDestroy();
      await until(() => socket.closed && (far.sockets.at(-1)?.closed ?? false));
    }
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('an error of the runtime is passed on, and errors of ours are HTTP', async () => {
    const far = await runtime('HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnope');
    const answer = async (path: string) => {
      const socket = await openTls();
      const text = await exchange(socket, head(path), undefined);
      await until(() => socket.closed || socket.readableEnded);
      socket.destroy();
      return text;
    };
    expect(await answer(execPath)).toMatch(/404 Not Found[\s\S]*nope/);
    expect(await answer('/exec/ns/x/c?output=1')).toMatch(/404 Not Found[\s\S]*pod does not exist/);
    expect(await answer('/exec/ns/p/c')).toMatch(/400 Bad Request[\s\S]*at least 1 of stdin, stdout, stderr/);
    expect(await answer('/exec/ns/p/c/c?output=1')).toMatch(/500 [\s\S]*container not found \("c"\)/);
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('without another protocol it is an error', async () => {
    const far = await runtime(upgraded);
    const answer = await ask(execPath, bearer('good'));
    expect(answer).toMatchObject({ status: 500, body: 'Upgrade request required\n' });
    far.close();
  });
});

function openTls(options: object = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const own = { host: '127.0.0.1', port: server.secure.port, rejectUnauthorized: false };
    const socket = connectTls({ ...own, ...options }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends and reads until `end` (default: the end of a body of known length or of the connection) was received. */
function exchange(socket: TLSSocket, text: string, end?: string): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const done = () => {
      socket.off('data', read);
      resolve(got);
    };
    const read = (chunk: Buffer) => {
      got += chunk.toString('latin1');
      const length = /content-length: (\d+)/i.exec(got)?.[1];
      const body = got.slice(got.indexOf('\r\n\r\n') + 4);
      if (end === undefined ? length !== undefined && body.length >= Number(length) : got.includes(end)) done();
    };
    socket.on('data', read);
    socket.once('end', done);
    socket.write(text);
  });
}

async function untilAsync(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) if (performance.now() > end) throw new Error('the condition did not come true');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
