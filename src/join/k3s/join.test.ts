import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { ApiClient } from '../../api/client.ts';
import { openKubeconfig } from '../../config/credentials.ts';
import { realClock } from '../../lib/clock.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { join, runJoin } from './join.ts';
import { type JoinOptions, parseJoin } from './options.ts';
import { Servers } from './servers.ts';
import { Supervisor } from './supervisor.ts';
import { type StandInCluster, StandInSupervisor } from './testing/standInSupervisor.ts';
import { parseToken } from './token.ts';

let dir: string;
let server: StandInSupervisor;
let kubelet: Server;
let port: number;

beforeEach(async () => {
  dir = mkdtempSync(path(tmpdir(), 'join-k3s-'));
  server = await StandInSupervisor.start();
  kubelet = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  port = (kubelet.address() as { port: number }).port;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await new Promise((resolve) => kubelet.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const found = (probe.address() as { port: number }).port;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}

async function options(): Promise<JoinOptions> {
  const args = [
    '--server',
    server.url,
    '--token',
    server.cluster.token,
    '--node-name',
    'edge',
    '--node-ip',
    '127.0.0.1',
  ];
  const places = ['--data-dir', path(dir, 'agent'), '--node-password-file', path(dir, 'password')];
  return parseJoin([...args, ...places, '--lb-server-port', String(await freePort())], {}) as JoinOptions;
}

const deps = (clock = realClock) => ({
  clock,
  log: silentLogger,
  random: () => 0.5,
  signal: new AbortController().signal,
});

/** A client as the agent has it: it follows the kubeconfig. */
async function apiClient(stack: AsyncDisposableStack) {
  const kubeconfig = stack.use(await openKubeconfig(path(dir, 'agent', 'kubelet.kubeconfig')));
  const client = stack.use(new ApiClient(kubeconfig.current(), { clock: realClock }));
  stack.use(kubeconfig.onChange((config) => client.transport.setConfig(config)));
  return client;
}

const nodes = (supervisor: StandInSupervisor) => {
  const seen: string[] = [];
  supervisor.api = (request, response) => {
    seen.push(`${request.url}`);
    const node = { kind: 'Node', apiVersion: 'v1', metadata: { name: 'edge', annotations: {} } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(node));
  };
  return seen;
};

test('a server killed and replaced: requests and tunnel go on, and nothing starts anew', async () => {
  await using stack = new AsyncDisposableStack();
  nodes(server);
  const clock = new ManualClock(Date.now());
  const joined = stack.use(await join(await options(), deps(clock)));
  joined.kubeletServes({ address: '0.0.0.0', port });
  const client = await apiClient(stack);
  expect((await client.get('Node', { name: 'edge' })).metadata?.name).toBe('edge');
  await until(() => server.tunnels.length === 1);
  for (let i = 0; i < 3; i++) {
    const cluster: StandInCluster = server.cluster;
    await server[Symbol.asyncDispose]();
    await expect(client.get('Node', { name: 'edge' })).rejects.toThrow();
    server = await StandInSupervisor.start(cluster, server.port);
    nodes(server);
    expect((await client.get('Node', { name: 'edge' })).metadata?.name).toBe('edge');
    await until(async () => {
      await clock.advanceAsync(1_000);
      return server.tunnels.length === 1;
    });
    const one = server.tunnels[0]!.connect(`127.0.0.1:${port}`);
    one.send(Buffer.from('still there'));
    await until(() => one.received().toString() === 'still there');
  }
  // The list of servers is asked for again by itself.
  await until(async () => {
    await clock.advanceAsync(10_000);
    return server.asked.some((each) => each.path === '/v1-k3s/apiservers');
  });
});

test('certificates renewed meanwhile are those of the next request and the next tunnel; the open ones stay', async () => {
  await using stack = new AsyncDisposableStack();
  nodes(server);
  const clock = new ManualClock(Date.now());
  const joined = stack.use(await join(await options(), deps(clock)));
  joined.kubeletServes({ address: '0.0.0.0', port });
  const client = await apiClient(stack);
  await client.get('Node', { name: 'edge' });
  await until(() => server.tunnels.length === 1);
  const tunnel = server.tunnels[0]!;
  const before = client.transport;
  let cert = '';
  stack.use((await openKubeconfig(path(dir, 'agent', 'kubelet.kubeconfig'))) as Disposable);
  const kubeconfig = stack.use(await openKubeconfig(path(dir, 'agent', 'kubelet.kubeconfig')));
  stack.use(
    kubeconfig.onChange((config) => {
      cert = config.cert ?? '';
    }),
  );
  const old = kubeconfig.current().cert;
  // A day's certificate is due after 20 hours; the server's clock and that of TLS go on as they are.
  await until(async () => {
    // So that the tunnel's pings are answered in between.
    for (let i = 0; i < 100; i++) await clock.advanceAsync(5_000);
    return cert !== '' && cert !== old;
  }, 100_000);
  expect(server.tunnels).toContain(tunnel);
  expect(client.transport).toBe(before);
  expect((await client.get('Node', { name: 'edge' })).metadata?.name).toBe('edge');
  const renewed = server.asked.filter((each) => each.path === '/v1-k3s/client-kubelet.crt');
  expect(renewed.at(-1)!.certificate).toBe('edge');
});

test('what k3s’ cloud controller waits for is written to the Node', async () => {
  await using stack = new AsyncDisposableStack();
  server.cluster.config.DisableCCM = false;
  const patches: string[] = [];
  server.api = (request, response, body) => {
    const node = { kind: 'Node', apiVersion: 'v1', metadata: { name: 'edge', resourceVersion: '1', annotations: {} } };
    const list = { kind: 'NodeList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [node] };
    response.setHeader('content-type', 'application/json');
    if (request.method === 'PATCH') {
      patches.push(body.toString());
      response.end(
        JSON.stringify({ ...node, metadata: { ...node.metadata, ...JSON.parse(body.toString()).metadata } }),
      );
    } else if (request.url?.includes('watch=')) response.flushHeaders();
    else response.end(JSON.stringify(list));
  };
  stack.use(await join(await options(), deps()));
  await until(() => patches.length === 1);
  expect(JSON.parse(patches[0]!)).toEqual({
    metadata: { annotations: { 'k3s.io/hostname': 'edge', 'k3s.io/internal-ip': '127.0.0.1' } },
  });
});

test('of several servers the one that is not ready is passed over, and all are asked before a request fails', async () => {
  const servers = new Servers(new URL(`https://127.0.0.2:${server.port}`));
  servers.update([`127.0.0.2:${server.port}`, `127.0.0.1:${server.port}`]);
  const supervisor = new Supervisor({
    servers,
    token: parseToken(server.cluster.token),
    trust: { ca: server.cluster.serverCa.ca },
    clock: realClock,
    pair: () => undefined,
  });
  // Nobody listens at the first.
  expect(JSON.parse((await supervisor.get('/v1-k3s/config')).toString()).ClusterDomain).toBe('cluster.local');
  expect(servers.supervisors()[0]).toBe(`127.0.0.1:${server.port}`);
  server.faults.set('/v1-k3s/config', 503);
  await expect(supervisor.get('/v1-k3s/config')).rejects.toThrow(
    'the server is not ready yet: /v1-k3s/config answered 503',
  );
  expect(server.asked.filter(({ path: asked }) => asked === '/v1-k3s/config')).toHaveLength(2);
});

test('in the egress mode disabled no tunnel is opened', async () => {
  await using stack = new AsyncDisposableStack();
  server.cluster.config.EgressSelectorMode = 'disabled';
  const joined = stack.use(await join(await options(), deps()));
  joined.kubeletServes({ address: '0.0.0.0', port });
  await until(() => server.asked.some((each) => each.path === '/v1-k3s/apiservers'));
  expect(server.tunnels).toEqual([]);
});

test('help is printed without a server', async () => {
  const told = await runJoin(['--help'], {});
  expect('help' in told && told.help).toContain('kubelet-ts join k3s --server URL');
});
