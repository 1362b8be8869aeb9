import { writeFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { TestAuthority } from '../api/fake/certificates.ts';
import { until } from '../lib/fake/until.ts';
import { servedPod } from './fake/fakeHost.ts';
import {
  ask,
  authority,
  bearer,
  dir,
  eachOnItsOwn,
  exchange,
  freePort,
  host,
  identity,
  openTls,
  start,
  token,
} from './fake/testServer.ts';
import type { ServerRuntime } from './host.ts';
import { routes } from './routes/registry.ts';

eachOnItsOwn();
const samplePath = (pattern: string) => pattern.replace(/\{\w+\*\}/g, 'x').replace(/\{\w+\}/g, 'x');

describe('every route goes through authentication and authorization', () => {
  const all = Object.entries(routes).flatMap(([name, route]) =>
    route.paths.flatMap((p) => (route.methods ?? ['GET', 'POST', 'PUT']).map((m) => [name, m, samplePath(p)] as const)),
  );
  const unknown = ['nothing', 'GET', '/nothing/here'] as const;

  test('the table has all of kubelet', async () => {
    await start();
    expect(Object.keys(routes).length).toBeGreaterThanOrEqual(22);
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
    await until(async () => (await ask('/healthz', newcomer)).status === 200);
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
    await until(async () => {
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

  test('a Pod whose resize is deferred is served with what it asks for', async () => {
    await start(open);
    host.served = [servedPod({ wanted: { containers: { c: { requests: { cpu: '2' } } } } })];
    const { items } = JSON.parse((await get('/pods')).body);
    expect(items[0].spec.containers[0].resources).toEqual({ requests: { cpu: '2' } });
  });

  test('pods, runningpods, configz, explanations', async () => {
    await start(open);
    host.served = [servedPod(), servedPod({ uid: 'u2', name: 'gone', gone: true, observed: null })];
    const pods = JSON.parse((await get('/pods')).body);
    expect(pods).toMatchObject({ kind: 'PodList', items: [{ metadata: { name: 'p' } }] });
    expect(pods.items).toHaveLength(1);
    expect(pods.items[0]).not.toHaveProperty('kind');
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
    host.problem = undefined;
    expect((await get('/healthz/device-plugin')).body).toBe('ok');
    host.devicePlugins = 'no socket';
    expect((await get('/healthz/device-plugin')).body).toBe('internal server error: no socket\n');
    expect((await get('/healthz?verbose')).body).toBe(
      '[+]ping ok\n[+]log ok\n[+]syncloop ok\n[-]device-plugin failed: reason withheld\nhealthz check failed\n',
    );
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
    [{ enableDebuggingHandlers: false }, '/debug/pprof/', 'Debug endpoints are disabled.\n'],
    [{ enableProfilingHandler: false }, '/debug/pprof/profile', 'profiling endpoint is disabled.\n'],
    [{ enableDebugFlagsHandler: false }, '/debug/flags/v', 'flags endpoint is disabled.\n'],
  ])('disabled: %j %s', async (config, path, body) => {
    await start({ ...open, ...config });
    expect(await get(path)).toMatchObject({ status: 405, body });
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
    for (const path of ['/healthz', '/pods', '/metrics', '/metrics/cadvisor', '/stats/summary'])
      expect(await plain(path)).toBe(200);
    for (const path of [
      '/configz',
      '/exec/n/p/c',
      '/containerLogs/n/p/c',
      '/logs/',
      '/runningpods/',
      '/debug/pods/why',
      '/debug/pprof/profile',
      '/flagz',
      '/statusz',
    ])
      expect(await plain(path)).toBe(404);
  });
});
