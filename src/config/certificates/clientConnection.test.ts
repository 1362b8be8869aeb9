import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../api/client.ts';
import type { ConnectionConfig } from '../../api/connection.ts';
import { FakeApiServer } from '../../api/fake/server.ts';
import { Reflector } from '../../api/reflector.ts';
import { realClock } from '../../lib/clock.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { failure, until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { KubeconfigSource } from '../credentials.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import { bootstrapClient } from './bootstrap.ts';
import { type ClientConnectionOptions, openClientConnection } from './clientConnection.ts';
import { FakeSigner } from './fake/signer.ts';

let api: FakeApiServer;
let signer: FakeSigner;
let directory: string;
let own: AsyncDisposableStack;

beforeEach(async () => {
  api = await FakeApiServer.start({ tls: true });
  signer = new FakeSigner(api);
  directory = mkdtempSync(join(tmpdir(), 'connection-'));
  own = new AsyncDisposableStack();
});
afterEach(async () => {
  await own.disposeAsync();
  await api[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const file = (name: string) => join(directory, name);

function writeConfig(name: string, user: object, server = api.url): string {
  const ca = Buffer.from(api.authority!.ca).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(file(name), JSON.stringify(config));
  return file(name);
}

const encoded = (text: string) => Buffer.from(text).toString('base64');
const identity = (commonName: string, seconds?: number) => {
  const { cert, key } = api.authority!.issue(commonName, ['system:nodes'], seconds);
  return { 'client-certificate-data': encoded(cert), 'client-key-data': encoded(key) };
};

function open(more: Partial<ClientConnectionOptions> = {}): Promise<KubeconfigSource> {
  return openClientConnection({
    kubeconfig: file('kubelet.conf'),
    bootstrapKubeconfig: '',
    certDir: file('pki'),
    nodeName: 'n',
    rotate: true,
    clock: realClock,
    log: silentLogger,
    onFatal: () => {},
    ...more,
  }).then((source) => own.use(source));
}

function clientOf(source: KubeconfigSource): ApiClient {
  const client = own.use(new ApiClient(source.current()));
  own.use(source.onChange((config) => client.transport.setConfig(config)));
  return client;
}

describe('with a bootstrap kubeconfig and rotation', () => {
  const bootstrap = () => ({
    bootstrapKubeconfig: writeConfig('bootstrap.conf', { token: 'abcdef.0123456789abcdef' }),
  });

  test('it resolves at once; requests wait for the certificate and then go with it', async () => {
    const client = clientOf(await open(bootstrap()));
    const version = client.text('/version');
    await signer.pending();
    const asked = api.requests.filter(({ kind }) => kind !== 'CertificateSigningRequest');
    expect(asked).toEqual([]);
    expect(api.seen('create', 'CertificateSigningRequest')[0]!.headers.authorization).toMatch(/^Bearer abcdef\./);
    await signer.issue();
    await version;
    expect(api.requests.find(({ path }) => path.startsWith('/version'))!.clientName).toBe('system:node:n');
  });

  test("the kubeconfig is there before the certificate, in kubelet's words", async () => {
    await open(bootstrap());
    const text = readFileSync(file('kubelet.conf'), 'utf8');
    for (const part of ['default-cluster', 'default-auth', 'default-context', file('pki/kubelet-client-current.pem')])
      expect(text).toContain(part);
    expect(text).not.toContain('abcdef');
    await signer.issue();
    await until(() => existsSync(file('pki/kubelet-client-current.pem')));
    const content = await readKubeconfig(file('kubelet.conf'));
    expect(content.server).toBe(api.url);
    expect(content.ca).toBe(api.authority!.ca);
  });

  test('a valid kubeconfig skips the bootstrap, even when the bootstrap kubeconfig is gone', async () => {
    writeConfig('kubelet.conf', identity('system:node:n'));
    const before = readFileSync(file('kubelet.conf'), 'utf8');
    const client = clientOf(await open({ bootstrapKubeconfig: file('nowhere.conf') }));
    await client.text('/version');
    expect(readFileSync(file('kubelet.conf'), 'utf8')).toBe(before);
  });

  test('an expired kubeconfig is replaced', async () => {
    writeConfig('kubelet.conf', identity('system:node:n', -10));
    await open(bootstrap());
    expect(readFileSync(file('kubelet.conf'), 'utf8')).toContain('default-auth');
    await signer.issue();
  });

  test('without either, one sentence names the flag', async () => {
    const error = await failure(open({ bootstrapKubeconfig: file('nowhere.conf') }));
    expect((error as Error).message).toMatch(/^--bootstrap-kubeconfig: .*nowhere\.conf: cannot be read/);
  });

  test('while no certificate comes a request fails with the reason', async () => {
    const clock = new ManualClock(Date.now());
    const source = await open({ ...bootstrap(), clock });
    const client = own.use(new ApiClient(source.current()));
    const answer = failure(client.text('/version', { timeoutMs: 60_000 }));
    await signer.pending();
    await until(() => clock.pending > 1);
    // A read is sent twice.
    for (let i = 0; i < 2; i++) await clock.advanceAsync(20_000);
    expect(((await answer) as Error).message).toMatch(/no client certificate yet: .*waits for approval or its signer/);
  });
});

describe('without rotation', () => {
  const bootstrapKubeconfig = () => writeConfig('bootstrap.conf', { token: 'abcdef.0123456789abcdef' });

  test('the certificate is there before it resolves', async () => {
    const opening = open({ bootstrapKubeconfig: bootstrapKubeconfig(), rotate: false });
    const { metadata } = await signer.issue();
    expect(metadata!.name).toMatch(/^node-csr-[\w-]{43}$/);
    await clientOf(await opening).text('/version');
    expect(api.requests.at(-1)!.clientName).toBe('system:node:n');
  });

  test('an attempt that ended midway is taken up again: same key, same request', async () => {
    const options = {
      kubeconfig: file('kubelet.conf'),
      bootstrapKubeconfig: bootstrapKubeconfig(),
      certDir: file('pki'),
      nodeName: 'n',
      clock: realClock,
      log: silentLogger,
    };
    const killed = new AbortController();
    const first = failure(bootstrapClient({ ...options, signal: killed.signal }));
    await signer.pending();
    killed.abort(new Error('killed'));
    expect(((await first) as Error).message).toBe('killed');
    expect(readdirSync(file('pki'))).toEqual(['kubelet-client.key.tmp']);
    const second = bootstrapClient({ ...options, signal: new AbortController().signal });
    await signer.issue();
    await second;
    expect(signer.count).toBe(1);
    expect(readdirSync(file('pki'))).not.toContain('kubelet-client.key.tmp');
    expect(readFileSync(file('kubelet.conf'), 'utf8')).toContain('default-auth');
  });

  test('the kubeconfig alone is used as it is', async () => {
    writeConfig('kubelet.conf', { token: 't' });
    expect((await open({ rotate: false })).current().server).toBe(api.url);
    expect(existsSync(file('pki'))).toBe(false);
  });
});

test('a rotation drops no watch, and new requests use the new certificate', async () => {
  writeConfig('kubelet.conf', identity('kubernetes-admin'));
  const client = clientOf(await open());
  const names: string[] = [];
  const seen = new Set<string>();
  own.use(
    new Reflector(
      client,
      'ConfigMap',
      {},
      { onAdd: (o) => seen.add(o.metadata!.name!), onState: (s) => names.push(s.state) },
    ).start(),
  );
  await until(() => names.includes('connected'));
  await signer.issue();
  await until(() => readdirSync(file('pki')).filter((name) => /-\d/.test(name)).length >= 1);
  await until(() => JSON.stringify(readdirSync(file('pki'))).includes('current'));
  // The pair of the kubeconfig was stored first; the change shows in who asks.
  await until(async () => {
    await client.text('/version');
    return api.requests.at(-1)!.clientName === 'system:node:n';
  });
  api.objects.set('ConfigMap', { metadata: { namespace: 'default', name: 'late' } });
  await until(() => seen.has('late'));
  expect(names.filter((state) => state !== 'listing')).toEqual(['connected']);
  expect(api.seen('watch', 'ConfigMap')).toHaveLength(1);
});

test('the server of a changed kubeconfig is followed, the certificate stays that of the manager', async () => {
  writeConfig('kubelet.conf', identity('kubernetes-admin'));
  const source = await open();
  const changes: ConnectionConfig[] = [];
  own.use(source.onChange((config) => changes.push(config)));
  await signer.issue();
  await until(() => changes.length === 1);
  writeConfig('kubelet.conf', identity('kubernetes-admin'), 'https://elsewhere:6443');
  await until(() => changes.length === 2);
  expect(changes[1]!.server).toBe('https://elsewhere:6443');
  expect(changes[1]!.cert).toBe(changes[0]!.cert);
});
