// A node that begins with a bootstrap token and renews its certificate again and again, with watches that stay. Run alone:
// node e2e/cluster/bootstrap.e2e.ts
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bringUp } from '../../hack/cluster/bringUp.ts';
import { startControllerManager } from '../../hack/cluster/controlPlane.ts';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/kubelet.ts';
import { net } from '../../hack/cluster/layout.ts';
import { inside, logFile, stopService } from '../../hack/cluster/service.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { inviteNodes } from '../../hack/kubeadm/clusterConfig.ts';
import { sharedKubeletConfig } from '../../hack/kubeadm/join.ts';
import { tryRun } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { unnoticed } from '../lib/unnoticed.ts';
import { nodeRequests, openWatches } from './auditLog.ts';
import { Checks, kubectl, objectOf, runPod, type ScenarioResult, startPod } from './checks.ts';

const name = 'joinb';
/** The signer dates certificates back by five minutes, so 70 to 90 % of this life end 15 to 105 s after the issue. */
const signing = { 'cluster-signing-duration': '150s' };
const kubeletFlags = [
  '--bootstrap-kubeconfig=/var/lib/kubelet/bootstrap.conf',
  '--kubeconfig=/var/lib/kubelet/kubelet.conf',
];
const config = { rotateCertificates: true, serverTLSBootstrap: true };

/** Brings a cluster up whose node has a bootstrap token only, watches its certificates for some minutes, and removes it. */
export async function run(): Promise<ScenarioResult> {
  const checks = new Checks();
  try {
    const cluster = await bringUp({ name, kubelet: 'none', controlPlane: true });
    await shortLives(cluster);
    await writeBootstrap(cluster);
    await startKubelet(cluster, 'ts', { config, args: kubeletFlags });
    await checks.check('a node with a bootstrap token becomes Ready', () => waitForNodeReady(cluster, 90_000));
    await checks.check('the serving certificate is asked for, and used once approved', () => serving(cluster));
    await checks.check('a Pod runs', () => runPod(cluster, cluster.layout.nodeName, 'before'));
    await checks.check('two rotations end no watch and refuse no request', () => rotations(cluster, 2));
    await checks.check('a Pod runs after them', () => runPod(cluster, cluster.layout.nodeName, 'after'));
    await checks.check('a killed kubelet comes back with its certificate, without the bootstrap token', () =>
      restart(cluster),
    );
    await checks.check('requests of the node were refused only for lack of a relationship', () => refusals(cluster));
  } catch (error) {
    checks.fail(error);
  } finally {
    await tearDown(name);
  }
  return checks.result();
}

async function shortLives(cluster: Cluster): Promise<void> {
  await stopService(cluster, 'kube-controller-manager');
  startControllerManager(cluster, await ensureTools(['etcd', 'kubernetes']), signing);
}

async function writeBootstrap(cluster: Cluster): Promise<void> {
  const { token } = await inviteNodes(cluster, sharedKubeletConfig(name));
  const ca = readFileSync(path.join(cluster.layout.pki, 'ca.crt')).toString('base64');
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: `https://${net.nodeAddress}:${net.apiPort}`, 'certificate-authority-data': ca } },
    ],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  mkdirSync(cluster.layout.kubeletRoot, { recursive: true });
  writeFileSync(path.join(cluster.layout.kubeletRoot, 'bootstrap.conf'), JSON.stringify(kubeconfig), { mode: 0o600 });
}

interface SigningRequest {
  metadata: { name: string };
  spec: { signerName: string; usages: string[] };
  status?: { conditions?: { type: string }[]; certificate?: string };
}

async function requests(cluster: Cluster, signer: string): Promise<SigningRequest[]> {
  const found = await objectOf<{ items: SigningRequest[] }>(cluster, 'get', 'csr');
  return (found?.items ?? []).filter((item) => item.spec.signerName === signer);
}

/** Nothing approves serving certificates by itself: this test does, as an administrator would. */
async function serving(cluster: Cluster): Promise<string | undefined> {
  const pending = await waitFor('the request of the serving certificate', { timeout: 60_000 }, async () => {
    const found = await requests(cluster, 'kubernetes.io/kubelet-serving');
    return found.find((item) => !item.status?.conditions);
  });
  const before = await shownCertificate(cluster);
  if (before !== '') return `a certificate is shown before one is issued: ${before}`;
  await kubectl(cluster, 'certificate', 'approve', pending.metadata.name);
  const shown = await waitFor('the server to show it', { timeout: 30_000, interval: 500 }, () =>
    shownCertificate(cluster),
  );
  const certificate = new X509Certificate(shown);
  const { nodeName } = cluster.layout;
  const good =
    certificate.subject.includes(`CN=system:node:${nodeName}`) &&
    certificate.checkIP(net.nodeAddress) !== undefined &&
    certificate.checkHost(nodeName) !== undefined &&
    certificate.issuer.includes(`CN=kubelet-ts-${name}`);
  return good ? undefined : certificate.toString();
}

/** The PEM of the certificate that the kubelet's port shows; empty when the handshake fails. */
async function shownCertificate(cluster: Cluster): Promise<string> {
  const script = `timeout 5 openssl s_client -connect ${net.nodeAddress}:10250 -servername x </dev/null 2>/dev/null`;
  const [command = '', ...args] = inside(cluster, 'network', ['bash', '-c', script]);
  const { stdout } = await tryRun(command, args);
  return /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(stdout)?.[0] ?? '';
}

/** Watches that last as long as the kubelet; those of ConfigMaps end with the Pods that use them. */
const lasting = /\/(pods|nodes|services|runtimeclasses)\?/;

function pairs(cluster: Cluster): string[] {
  const all = readdirSync(path.join(cluster.layout.kubeletRoot, 'pki'));
  return all.filter((file) => /^kubelet-client-\d/.test(file)).sort();
}

/** Waits for so many new certificates, then judges by the audit log what became of the watches of before. */
async function rotations(cluster: Cluster, count: number): Promise<string | undefined> {
  const before = openWatches(cluster).filter(({ url }) => lasting.test(url));
  if (before.length < 3) return `only ${before.length} watches are open before the rotation`;
  const [start, known] = [Date.now(), pairs(cluster).length];
  await waitFor(
    `${count} new certificates`,
    { timeout: 300_000, interval: 1000 },
    () => pairs(cluster).length >= known + count,
  );
  const rotated = Date.now();
  const credentials = () => new Set(nodeRequests(cluster, start).map(({ credential }) => credential));
  await waitFor('requests with a new certificate', { timeout: 60_000, interval: 1000 }, () => {
    const late = nodeRequests(cluster, rotated - 1000);
    return late.length > 0 && late.at(-1)?.credential !== nodeRequests(cluster, 0)[0]?.credential;
  });
  if (credentials().size < 2) return 'the node still asks with its first certificate';
  const keys = new Set(
    pairs(cluster).map(
      (file) => readFileSync(path.join(cluster.layout.kubeletRoot, 'pki', file), 'utf8').split('BEGIN EC')[1],
    ),
  );
  if (keys.size !== pairs(cluster).length) return 'a key was used twice';
  // A watch ends by itself after five to ten minutes; one that is gone sooner was dropped.
  const open = new Set(openWatches(cluster).map(({ id }) => id));
  const dropped = before.filter(({ id, since }) => !open.has(id) && Date.now() - since < 290_000);
  if (dropped.length > 0) return `watches were dropped: ${dropped.map(({ url }) => url).join(', ')}`;
  const refused = nodeRequests(cluster, start).filter(({ status }) => status === 401);
  return refused.length === 0 ? undefined : `${refused.length} requests were unauthorized`;
}

async function restart(cluster: Cluster): Promise<string | undefined> {
  const signer = 'kubernetes.io/kube-apiserver-client-kubelet';
  await startPod(cluster, cluster.layout.nodeName, 'stays');
  const before = await unnoticed(cluster, ['stays'], async () => {
    await stopKubelet(cluster, 'SIGKILL');
    writeFileSync(path.join(cluster.layout.kubeletRoot, 'bootstrap.conf'), 'gone');
    const known = (await requests(cluster, signer)).length;
    await startKubelet(cluster, 'ts', { config, args: kubeletFlags });
    await runPod(cluster, cluster.layout.nodeName, 'restarted');
    return known;
  });
  // A rotation may be due by chance; a bootstrap would be one by another user, and fail with that file.
  const log = readFileSync(logFile(cluster, 'kubelet'), 'utf8');
  const after = (await requests(cluster, signer)).length;
  return log.includes('--bootstrap-kubeconfig:') || after > before + 1
    ? 'it went through a bootstrap again'
    : undefined;
}

function refusals(cluster: Cluster): string | undefined {
  const refused = nodeRequests(cluster, 0).filter(({ status }) => status === 401 || status === 403);
  const others = refused.filter(({ reason }) => !reason.includes('no relationship found'));
  return others.length === 0
    ? undefined
    : others.map(({ verb, url, reason }) => `${verb} ${url}: ${reason}`).join('\n');
}

if (import.meta.main) {
  const result = await run();
  console.log(JSON.stringify(result, null, 2));
  process.exitCode = result.failed === 0 ? 0 : 1;
}
