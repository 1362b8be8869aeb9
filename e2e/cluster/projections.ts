// Trust bundles of the cluster and certificates for Pods in projected volumes, behind their gates.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startApi, stopApi, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { run } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { PodCertificateRequest } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { expectWait } from '../lib/expectWait.ts';
import { outMount, outVolume, untilWritten } from '../lib/files.ts';
import { create, pod, removeAndWait, rest, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

const GATES = ['ClusterTrustBundle', 'ClusterTrustBundleProjection', 'PodCertificateRequest'];
const SIGNER = 'example.com/e2e';
const BUNDLES = '/apis/certificates.k8s.io/v1beta1/clustertrustbundles';
const requestsUrl = (t: TestContext) =>
  `/apis/certificates.k8s.io/v1beta1/namespaces/${t.namespace}/podcertificaterequests`;

/** The API server and the agent with the gates on, while the test runs. */
async function withGates(t: TestContext, work: () => Promise<void>): Promise<void> {
  const { cluster } = t.lab;
  const on = Object.fromEntries(GATES.map((gate) => [gate, true]));
  await stopApi(cluster);
  await startApi(cluster, {
    'feature-gates': GATES.map((gate) => `${gate}=true`).join(','),
    'runtime-config': 'certificates.k8s.io/v1beta1=true',
  });
  try {
    await t.lab.restartAgent({ config: { featureGates: on } });
    await work();
  } finally {
    await stopApi(cluster);
    await startApi(cluster);
    await t.lab.restartAgent();
  }
}

/** A certificate authority of the test. */
class Signer {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(directory: string): Promise<Signer> {
    const [key, cert] = ['ca.key', 'ca.crt'].map((name) => path.join(directory, name)) as [string, string];
    const subject = ['-subj', '/CN=e2e', '-days', '2', '-nodes', '-keyout', key, '-out', cert];
    await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', ...subject]);
    return new Signer(directory);
  }

  get certificate(): string {
    return readFileSync(path.join(this.#directory, 'ca.crt'), 'utf8');
  }

  /** Issues what the oldest request without an answer asks for. */
  async answer(t: TestContext): Promise<PodCertificateRequest> {
    const request = await waitFor('a request for a certificate', { timeout: patience, interval: 200 }, async () => {
      const all = await t.lab.api.list<PodCertificateRequest>(requestsUrl(t));
      return all.find(({ status }) => !status?.conditions?.length);
    });
    const [asked, leaf] = ['asked.pem', 'leaf.pem'].map((name) => path.join(this.#directory, name)) as [string, string];
    const lines = request!.spec.stubPKCS10Request.match(/.{1,64}/g)!.join('\n');
    writeFileSync(asked, `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`);
    const by = ['-CA', path.join(this.#directory, 'ca.crt'), '-CAkey', path.join(this.#directory, 'ca.key')];
    await run('openssl', ['x509', '-req', '-in', asked, '-out', leaf, '-days', '1', '-set_serial', '7', ...by]);
    const chain = readFileSync(leaf, 'utf8');
    const { validFrom, validTo } = new X509Certificate(chain);
    const time = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
    const from = Date.parse(validFrom);
    const condition = { type: 'Issued', status: 'True', reason: 'E2E', message: 'ok', lastTransitionTime: time(from) };
    const status = {
      conditions: [condition],
      certificateChain: chain,
      notBefore: time(from),
      notAfter: time(Date.parse(validTo)),
      beginRefreshAt: time(from + 12 * 3_600_000),
    };
    return t.lab.api.patch(`${requestsUrl(t)}/${request!.metadata?.name}/status`, { status });
  }
}

/** The Pod waits for its bundle and its certificate, gets both, and keeps them when the agent is killed. */
async function both(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  await withGates(t, async () => {
    const bundle = `e2e-${t.namespace}`;
    const signer = await Signer.make(t.directory);
    const sources = [
      { clusterTrustBundle: { name: bundle, path: 'roots.pem' } },
      { podCertificate: { signerName: SIGNER, keyType: 'ECDSAP256', credentialBundlePath: 'both.pem' } },
    ];
    const mounts = [outMount, { name: 'projected', mountPath: '/projected' }];
    const script = `cat /projected/roots.pem > /out/roots; cat /projected/both.pem > /out/both; ${rest}`;
    const volumes = [outVolume(t), { name: 'projected', projected: { sources } }];
    const made = await create(
      t,
      pod(t, 'user', { containers: [shell('main', script, { volumeMounts: mounts })], volumes }),
    );
    try {
      await expectWait(
        t,
        'user',
        'VolumeFailed',
        /clustertrustbundle.certificates.k8s.io "\S+" not found, credential bundle is not issued yet/,
      );
      await t.lab.api.create(BUNDLES, {
        metadata: { name: bundle },
        spec: { trustBundle: `a comment\n${signer.certificate}` },
      });
      const { spec } = await signer.answer(t);
      assert.deepEqual([spec.podName, spec.nodeName, spec.signerName], ['user', t.lab.node, SIGNER]);
      await untilReady(t, 'user');
      assert.equal(await untilWritten(t, 'roots'), signer.certificate);
      const given = await untilWritten(t, 'both');
      assert.match(given, /^-----BEGIN PRIVATE KEY-----[\s\S]*-----BEGIN CERTIFICATE-----/);
      const leaf = new X509Certificate(given.slice(given.indexOf('-----BEGIN CERTIFICATE')));
      assert.ok(leaf.verify(new X509Certificate(signer.certificate).publicKey));
      const seen = Unnoticed.of(t, ['user']);
      await stopKubelet(t.lab.cluster, 'SIGKILL');
      await t.lab.startAgent({ config: { featureGates: Object.fromEntries(GATES.map((gate) => [gate, true])) } });
      await waitForNodeReady(t.lab.cluster, patience);
      await t.lab.untilLookedAt([made]);
      await seen.assert('the kill');
      // Keys are in memory only: the next process asks anew, and what it gets replaces what is there.
      await signer.answer(t);
      const file = path.join(
        t.lab.cluster.layout.kubeletRoot,
        'pods',
        made.metadata?.uid ?? '',
        'volumes/kubernetes.io~projected/projected/both.pem',
      );
      await waitFor('the new certificate', { timeout: patience, interval: 200 }, async () => {
        return (
          (await t.lab.onNode('cat', file.replace(t.lab.cluster.layout.kubeletRoot, '/var/lib/kubelet'))) !== given
        );
      });
      await seen.assert('the renewal');
    } finally {
      await removeAndWait(t, made);
      await t.lab.api.remove(`${BUNDLES}/${bundle}`);
    }
  });
}

export const projections = group('projections', [
  test('a trust bundle and a certificate for the Pod, its agent killed', both, { mode: 'alone' }),
]);
