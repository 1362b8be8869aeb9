import { createPrivateKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../api/fake/certificates.ts';
import { parseFlags } from '../../config/flags.ts';
import { loadConfiguration } from '../../config/load.ts';
import { realClock } from '../../lib/clock.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { failure, until } from '../../lib/fake/until.ts';
import { createLogger } from '../../lib/logger.ts';
import { type JoinOptions, parseJoin } from './options.ts';
import { type JoinDeps, type PreparedJoin, prepare } from './prepare.ts';
import { StandInSupervisor } from './testing/standInSupervisor.ts';

let dir: string;
let server: StandInSupervisor;
const lines: string[] = [];
const logged = () => lines.join('');
const stop = new AbortController();
const log = createLogger({ verbosity: 9, write: (line) => lines.push(line) });
const deps = (more: Partial<JoinDeps> = {}): JoinDeps => ({
  clock: realClock,
  log,
  random: () => 0.5,
  signal: stop.signal,
  ...more,
});

function options(more: readonly string[] = [], token = server.cluster.token): JoinOptions {
  const args = [
    '--server',
    server.url,
    '--token',
    token,
    '--node-name',
    'edge',
    '--node-ip',
    '127.0.0.1',
    '--data-dir',
    join(dir, 'agent'),
  ];
  return parseJoin([...args, '--node-password-file', join(dir, 'node', 'password'), ...more], {}) as JoinOptions;
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'join-k3s-'));
  lines.length = 0;
  server = await StandInSupervisor.start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const code = async (promise: Promise<unknown>) => ((await failure(promise)) as { code: string }).code;
const words = async (promise: Promise<unknown>) => ((await failure(promise)) as Error).message;

test('a join leaves the files of a k3s agent, for root alone, and a command line that loads', async () => {
  const joined = await prepare(
    options(['--node-label', 'a=b', '--node-taint', 'x=y:NoSchedule', '--', '--max-pods=42']),
    deps(),
  );
  const { files } = joined;
  for (const file of [
    files.clientCa,
    files.serverCa,
    ...Object.values(files.client),
    ...Object.values(files.serving),
    files.kubeconfig,
    files.configFile,
    files.known,
    join(dir, 'node/password'),
  ])
    expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600]);
  expect(readFileSync(join(dir, 'node/password'), 'utf8')).toMatch(/^[0-9a-f]{32}\n$/);
  expect(joined.pairs.client.leaf.subject).toContain('CN=system:node:edge');
  const loaded = loadConfiguration(parseFlags([...joined.arguments]));
  expect(loaded.warnings).toEqual([]);
  expect(loaded.config).toMatchObject({
    clusterDNS: ['10.43.0.10'],
    tlsCertFile: files.serving.cert,
    authentication: { x509: { clientCAFile: files.clientCa }, anonymous: { enabled: false } },
    failSwapOn: false,
    rotateCertificates: false,
    registerWithTaints: [{ key: 'x', value: 'y', effect: 'NoSchedule' }],
    maxPods: 42,
    evictionHard: { 'imagefs.available': '5%', 'nodefs.available': '5%' },
  });
  expect(loaded.options).toMatchObject({
    hostnameOverride: 'edge',
    nodeIp: '127.0.0.1',
    nodeLabels: { a: 'b' },
    cloudProvider: '',
  });
  expect(readFileSync(files.kubeconfig, 'utf8')).toContain('https://127.0.0.1:6444');
});

test('with k3s’ cloud controller the node waits for it', async () => {
  server.cluster.config.DisableCCM = false;
  expect((await prepare(options(), deps())).arguments).toContain('--cloud-provider=external');
});

test('nothing secret is logged or written: neither token nor password nor IPSECPSK', async () => {
  server.faults.set('/v1-k3s/config', 503);
  const joining = prepare(options(), deps({ clock: new ManualClock() }));
  joining.catch(() => {});
  await until(() => logged().includes('waiting for the server'));
  server.faults.clear();
  const joined = await prepare(options(), deps());
  const secrets = [server.cluster.password, server.cluster.psk, joined.identity.password];
  for (const secret of secrets) expect(logged()).not.toContain(secret);
  expect(readFileSync(joined.files.known, 'utf8')).not.toContain(server.cluster.psk);
});

test('a second join keeps the node password and the keys', async () => {
  const first = await prepare(options(), deps());
  const second = await prepare(options(), deps());
  expect(second.identity).toEqual(first.identity);
  expect(second.pairs.client.key).toBe(first.pairs.client.key);
  expect(second.pairs.client.cert).not.toBe(first.pairs.client.cert);
});

test('a bootstrap token does too', async () => {
  expect((await prepare(options([], server.cluster.bootstrap), deps())).identity.nodeName).toBe('edge');
});

test('an old server, which answers GET alone, gives a key of its own', async () => {
  server.old = true;
  const { pairs, files } = await prepare(options(), deps());
  expect(readFileSync(files.client.key, 'utf8')).toBe(pairs.client.key);
  expect(pairs.client.leaf.checkPrivateKey(createPrivateKey(pairs.client.key))).toBe(true);
});

test('a wrong token, another CA, a taken name and a URL of something else each have their sentence', async () => {
  expect(await words(prepare(options([], server.cluster.token.replace(/::.*/, '::server:wrong')), deps()))).toContain(
    'refused the token (401)',
  );
  const other = server.cluster.token.replace(/K10.{64}/, `K10${'0'.repeat(64)}`);
  expect(await words(prepare(options([], other), deps()))).toMatch(
    /is not the one that the token names .* in the token 0000/,
  );
  server.cluster.nodes.set('edge', 'of-another-machine');
  expect(await words(prepare(options(), deps()))).toMatch(
    /the node name edge is taken: .*password.*kubectl delete node edge/,
  );
  expect((await prepare(options(['--with-node-id']), deps())).identity.nodeName).toMatch(/^edge-[0-9a-f]{8}$/);
  server.faults.set('/cacerts', 404);
  expect(await words(prepare(options(), deps()))).toContain('is --server the URL of a k3s server');
});

test('a server whose certificate its own CA did not sign is not believed', async () => {
  server.cluster.serverCa = new TestAuthority();
  expect(await code(prepare(options(), deps()))).toBe('SupervisorUntrusted');
});

test('without a CA hash the CA is taken unseen, and that is said', async () => {
  await prepare(options([], server.cluster.password), deps());
  expect(logged()).toContain('the token has no CA hash');
});

test('a server that is not ready is asked again after five seconds and more', async () => {
  const clock = new ManualClock(Date.now());
  server.faults.set('/v1-k3s/serving-kubelet.crt', 503);
  let joined: PreparedJoin | undefined;
  const joining = prepare(options(), deps({ clock })).then((it) => {
    joined = it;
  });
  await until(() => logged().includes('serving-kubelet.crt answered 503'));
  await until(() => clock.nextIn === 7_500);
  server.faults.clear();
  await clock.advanceAsync(7_499);
  expect(joined).toBeUndefined();
  clock.advance(1);
  await joining;
  expect(joined).toBeDefined();
});

test('a node whose Node was deleted is taken in again with the token', async () => {
  await prepare(options(), deps());
  server.cluster.deleted.add('edge');
  await prepare(options(), deps());
  const again = server.asked.filter(({ path }) => path === '/v1-k3s/config').slice(1);
  expect(again.map(({ certificate }) => certificate)).toEqual(['edge', undefined]);
});

test('without a server the node starts with what it has', async () => {
  const first = await prepare(options(), deps());
  const { url, cluster } = server;
  await server[Symbol.asyncDispose]();
  const again = options();
  const second = await prepare({ ...again, server: new URL(url) }, deps());
  expect(logged()).toContain('no server answers; the node starts with what it has');
  expect(second.arguments).toEqual(first.arguments);
  expect(second.pairs.client.cert).toBe(first.pairs.client.cert);
  expect(second.server).toEqual(first.server);
  // Of another cluster, or with another name, nothing that is kept serves.
  const clock = new ManualClock(Date.now());
  for (const wrong of [
    { nodeName: 'other' },
    { token: { text: cluster.token.replace(/K10./, (head) => (head === 'K10f' ? 'K100' : 'K10f')) } },
    { server: new URL('https://127.0.0.1:1') },
  ]) {
    const end = new AbortController();
    lines.length = 0;
    const waiting = prepare({ ...again, server: new URL(url), ...wrong }, deps({ clock, signal: end.signal }));
    await until(() => logged().includes('waiting for the server'));
    end.abort(new Error('enough'));
    expect(await words(waiting)).toBe('enough');
  }
});

test('certificates that have expired do not serve', async () => {
  server.cluster.lifeSeconds = 60;
  await prepare(options(), deps());
  await server[Symbol.asyncDispose]();
  const clock = new ManualClock(Date.now() + 3_600_000);
  const end = new AbortController();
  const waiting = prepare(options(), deps({ clock, signal: end.signal }));
  await until(() => logged().includes('waiting for the server'));
  end.abort(new Error('enough'));
  await failure(waiting);
});

test('an answer that is too long, broken or of something else is refused', async () => {
  server.cluster.config = { ClusterDomain: 'x'.repeat(2 << 20) };
  expect(
    await code(prepare(options(), deps({ signal: AbortSignal.timeout(3_000) })).catch((e) => Promise.reject(e))),
  ).toBeDefined();
  for (const config of [[1], { ClusterDNS: 'no-ip' }, { HTTPSPort: 70_000 }, { CipherSuites: 'x' }] as Record<
    string,
    unknown
  >[]) {
    server.cluster.config = config;
    expect(await code(prepare(options(), deps()))).toBe('InvalidServerConfig');
  }
});

test('the password of an early k3s moves, and a broken one is not overwritten', async () => {
  const made = options();
  rmSync(join(dir, 'node'), { recursive: true, force: true });
  mkdirSync(made.dataDir, { recursive: true });
  writeFileSync(join(made.dataDir, 'node-password.txt'), 'old-password\n');
  expect((await prepare(made, deps())).identity.password).toBe('old-password');
  writeFileSync(made.nodePasswordFile, 'two words\n');
  expect(await words(prepare(made, deps()))).toContain('must hold the node');
  expect(readFileSync(made.nodePasswordFile, 'utf8')).toBe('two words\n');
});
