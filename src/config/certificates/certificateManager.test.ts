import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../api/client.ts';
import { FakeApiServer } from '../../api/fake/server.ts';
import { Metrics } from '../../k8s/metrics/metrics.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { CertificateManager, type CertificateManagerOptions } from './certificateManager.ts';
import { measureCertificate } from './certificateMetrics.ts';
import { type CertificateSubject, nodeSubject } from './certificateRequest.ts';
import { ExpiryGuard } from './expiryGuard.ts';
import { FakeSigner } from './fake/signer.ts';
import { PairStore } from './pairStore.ts';

const HOUR = 3600_000;
let api: FakeApiServer;
let client: ApiClient;
let signer: FakeSigner;
let clock: ManualClock;
let directory: string;
let managers: CertificateManager[];

beforeEach(async () => {
  api = await FakeApiServer.start({ tls: true });
  client = new ApiClient(api.connection);
  signer = new FakeSigner(api);
  clock = new ManualClock(Date.now());
  directory = mkdtempSync(join(tmpdir(), 'manager-'));
  managers = [];
});
afterEach(async () => {
  for (const manager of managers) manager[Symbol.dispose]();
  await client[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

async function open(more: Partial<CertificateManagerOptions> = {}): Promise<CertificateManager> {
  const manager = await CertificateManager.open({
    store: new PairStore(directory, 'kubelet-client'),
    signer: 'kubernetes.io/kube-apiserver-client-kubelet',
    clock,
    log: silentLogger,
    random: () => 0.5,
    subject: () => nodeSubject('n'),
    client: () => client,
    ...more,
  });
  managers.push(manager);
  return manager;
}

test('without a certificate it asks at once, for what the signer accepts', async () => {
  const manager = await open();
  manager.start();
  const request = await signer.issue();
  expect(request.spec.signerName).toBe('kubernetes.io/kube-apiserver-client-kubelet');
  expect(request.spec.usages).toEqual(['digital signature', 'client auth']);
  await until(() => manager.current() !== undefined);
  expect(manager.current()!.leaf.subject).toBe('O=system:nodes\nCN=system:node:n');
  expect(manager.problem()).toBeUndefined();
});

test('it renews at 80 % of the life for the middle draw, with a new key; the old pair serves until then', async () => {
  const manager = await open();
  manager.start();
  await signer.issue(9 * 3600); // life: an hour ago to nine hours from now
  await until(() => manager.current() !== undefined);
  const first = manager.current()!;
  await clock.advanceAsync(7 * HOUR - 60_000);
  expect(signer.count).toBe(1);
  await clock.advanceAsync(2 * 60_000);
  await signer.pending();
  await until(() => manager.problem() !== undefined);
  expect(manager.current()).toBe(first);
  expect(manager.problem()).toMatch(/waits for approval/);
  await signer.issue(20 * 3600);
  await until(() => manager.current() !== first);
  expect(manager.current()!.key).not.toBe(first.key);
});

test('a stored pair is used without asking', async () => {
  const { cert, key } = api.authority!.issue('system:node:n', ['system:nodes']);
  await new PairStore(directory, 'kubelet-client').update(cert, key, clock.now().wall);
  const manager = await open();
  manager.start();
  await clock.advanceAsync(1000);
  expect(manager.current()!.key.trim()).toBe(key.trim());
  expect(signer.count).toBe(0);
});

test('the pair of the kubeconfig serves and is stored, and is renewed at once', async () => {
  const initial = api.authority!.issue('kubernetes-admin', ['system:masters']);
  const manager = await open({ initial });
  expect(manager.current()!.leaf.subject).toContain('kubernetes-admin');
  expect(readdirSync(directory)).toContain('kubelet-client-current.pem');
  manager.start();
  await signer.issue();
  await until(() => manager.current()!.leaf.subject.includes('system:node:n'));
});

test('a denied request is asked again with growing waits, and says why', async () => {
  const manager = await open();
  manager.start();
  await signer.deny();
  await until(() => manager.problem()?.includes('was denied (Test: by the test)') === true);
  expect(signer.count).toBe(1);
  await clock.advanceAsync(2200);
  await signer.issue();
  await until(() => manager.current() !== undefined);
});

test('other names are asked for at once, and a request for outdated names is given up', async () => {
  let subject: CertificateSubject | undefined;
  const manager = await open({ signer: 'kubernetes.io/kubelet-serving', subject: () => subject });
  manager.start();
  await clock.advanceAsync(1000);
  expect(signer.count).toBe(0);
  subject = { ...nodeSubject('n'), ips: ['10.0.0.1'] };
  manager.subjectChanged();
  const first = await signer.pending();
  expect(first.spec.usages).toEqual(['digital signature', 'server auth']);
  subject = { ...nodeSubject('n'), ips: ['10.0.0.2'] };
  await until(() => manager.problem() !== undefined);
  manager.subjectChanged();
  await until(() => signer.count === 2);
});

test('a signer that leaves names out is not asked again and again', async () => {
  const manager = await open({ subject: () => ({ ...nodeSubject('n'), ips: ['10.9.9.9'] }) });
  manager.start();
  await signer.issue();
  await until(() => manager.current() !== undefined);
  await clock.advanceAsync(HOUR);
  expect(signer.count).toBe(1);
});

test('certificates that are due when they are issued do not make a busy loop', async () => {
  const manager = await open();
  manager.start();
  for (let round = 1; round <= 3; round++) {
    const before = manager.current();
    await signer.issue(60); // 61 minutes of life, 60 of them gone
    await until(() => manager.current() !== before);
    await clock.advanceAsync(9_000);
    expect(signer.count).toBe(round);
    await clock.advanceAsync(1_500);
    await signer.pending();
  }
});

test('metrics: time left, failures, and the age of what was replaced', async () => {
  const metrics = new Metrics();
  const manager = await open({ signer: 'kubernetes.io/kubelet-serving' });
  measureCertificate(manager, 'server', metrics, clock);
  expect(await metrics.text()).toMatch(/^kubelet_certificate_manager_server_ttl_seconds \+Inf$/m);
  manager.start();
  await signer.deny();
  await until(() => manager.problem()?.includes('denied') === true);
  await clock.advanceAsync(3000);
  await signer.issue(60);
  await until(() => manager.current() !== undefined);
  const first = manager.current();
  await clock.advanceAsync(11_000);
  await signer.issue();
  await until(() => manager.current() !== first);
  const text = await metrics.text();
  expect(text).toMatch(/^kubelet_certificate_manager_server_ttl_seconds 86[34]\d\d$/m);
  expect(text).toMatch(/^kubelet_server_expiration_renew_errors 1$/m);
  expect(text).toMatch(/^kubelet_certificate_manager_server_rotation_seconds_count 1$/m);
  // It was dated back by an hour.
  expect(text).toMatch(/^kubelet_certificate_manager_server_rotation_seconds_sum 36\d\d/m);
});

describe('the guard against an expired certificate', () => {
  const guarded = async () => {
    const fatal: Error[] = [];
    const manager = await open();
    const guard = new ExpiryGuard(manager, clock, (error) => fatal.push(error));
    managers.push(guard as unknown as CertificateManager);
    manager.start();
    await signer.issue(600);
    await until(() => manager.current() !== undefined);
    return { manager, fatal };
  };
  const refuse = (status: number) =>
    api.fail({ match: ({ kind, verb }) => kind === 'CertificateSigningRequest' && verb === 'create', status });

  test('ends the process five minutes after the expiry while the server answers', async () => {
    const { manager, fatal } = await guarded();
    refuse(401);
    await clock.advanceAsync(20_000);
    await until(() => manager.problem() !== undefined);
    for (let left = 600_000 + 270_000; left > 0; left -= 10_000) await clock.advanceAsync(10_000);
    expect(manager.current()).toBeUndefined();
    expect(fatal).toEqual([]);
    for (let left = 120_000; left > 0; left -= 10_000) await clock.advanceAsync(10_000);
    expect(fatal.map(({ message }) => message)).toEqual([
      expect.stringMatching(/no valid client certificate for five minutes .* new bootstrap credentials/),
    ]);
  });

  test('does not while the server does not answer', async () => {
    const { manager, fatal } = await guarded();
    refuse(503);
    await clock.advanceAsync(20_000);
    await until(() => manager.problem() !== undefined);
    for (let left = 1_200_000; left > 0; left -= 20_000) await clock.advanceAsync(20_000);
    expect(fatal).toEqual([]);
  });
});
