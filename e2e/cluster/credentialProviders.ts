// Credential providers give what no Secret does: one that answers, one that never does, and one that speaks for service accounts.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  privateRegistry,
  pushPrivate,
  registryLogins,
  startPrivateRegistry,
  stopPrivateRegistry,
} from '../../hack/cluster/privateRegistry.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { expectWait } from '../lib/expectWait.ts';
import { create, untilReady } from '../lib/pods.ts';
import { type Policy, recordsOf, untilWaiting, user } from '../lib/privatePods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const version = 'credentialprovider.kubelet.k8s.io/v1';

/** For whom a token of a service account is, and what the service account has to be annotated with. */
const audience = 'registry.example';
const annotation = 'registry.example/tenant';

/** Three providers: one that answers, one that never does, and one that speaks for service accounts. */
function writeProviders(directory: string): string[] {
  const bin = path.join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  const { username, password } = registryLogins.provider;
  const answer = {
    ...{ apiVersion: version, kind: 'CredentialProviderResponse', cacheKeyType: 'Registry', cacheDuration: '1h' },
    auth: { [privateRegistry]: { username, password } },
  };
  const scripts = {
    quick: `cat > ${directory}/request\necho run >> ${directory}/runs\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`,
    hanging: 'cat > /dev/null\nsleep 1000\n',
    speaking: `cat > ${directory}/spoken\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`,
  };
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${body}`);
    chmodSync(path.join(bin, name), 0o755);
  }
  const provider = (name: string, repository: string) => ({
    ...{ name, apiVersion: version, defaultCacheDuration: '0s', matchImages: [`${privateRegistry}/${repository}`] },
  });
  const tokenAttributes = {
    ...{ serviceAccountTokenAudience: audience, cacheType: 'ServiceAccount', requireServiceAccount: true },
    requiredServiceAccountAnnotationKeys: [annotation],
  };
  const config = {
    ...{ apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig' },
    providers: [
      provider('quick', 'provided'),
      provider('hanging', 'hanging'),
      { ...provider('speaking', 'speaking'), tokenAttributes },
    ],
  };
  const file = path.join(directory, 'providers.yaml');
  writeFileSync(file, JSON.stringify(config));
  return [`--image-credential-provider-config=${file}`, `--image-credential-provider-bin-dir=${bin}`];
}

const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** Lets the nodes ask for tokens with the audience, for as long as it is not disposed of. */
async function allowAudience({ lab: { api } }: TestContext): Promise<AsyncDisposable> {
  const metadata = { name: 'e2e-registry-audience' };
  const rules = [{ apiGroups: [''], resources: [audience], verbs: ['request-serviceaccounts-token-audience'] }];
  await api.create(`${rbac}/clusterroles`, { metadata, rules });
  const subjects = [{ kind: 'Group', name: 'system:nodes', apiGroup: 'rbac.authorization.k8s.io' }];
  const roleRef = { kind: 'ClusterRole', name: metadata.name, apiGroup: 'rbac.authorization.k8s.io' };
  await api.create(`${rbac}/clusterrolebindings`, { metadata, subjects, roleRef });
  return {
    async [Symbol.asyncDispose]() {
      for (const kind of ['clusterrolebindings', 'clusterroles']) await api.remove(`${rbac}/${kind}/${metadata.name}`);
    },
  };
}

/** A provider gets a token of the Pod's service account, and what it gives belongs to that. */
async function speakFor(t: TestContext, image: string): Promise<void> {
  await using _ = await allowAudience(t);
  const metadata = { name: 'robot', annotations: { [annotation]: 'a', other: 'x' } };
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/serviceaccounts`, { metadata });
  const as = (name: string, policy: Policy, serviceAccountName = 'robot'): Pod => {
    const made = user(t, name, image, policy);
    return { ...made, spec: { ...made.spec, serviceAccountName } } as Pod;
  };
  await create(t, as('robot-pulls', 'Always'));
  await untilReady(t, 'robot-pulls');
  const request = JSON.parse(readFileSync(path.join(t.directory, 'spoken'), 'utf8')) as Record<string, string>;
  assert.deepEqual(request.serviceAccountAnnotations, { [annotation]: 'a' });
  const [, payload = ''] = (request.serviceAccountToken ?? '').split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  assert.deepEqual(claims.aud, [audience]);
  assert.equal(claims.sub, `system:serviceaccount:${t.namespace}:robot`);
  await create(t, as('robot-again', 'Never'));
  await untilReady(t, 'robot-again');
  await create(t, as('other-never', 'Never', 'default'));
  await untilWaiting(t, 'other-never', /^ErrImageNeverPull$/);
  await create(t, as('other-asks', 'IfNotPresent', 'default'));
  const told = await untilWaiting(t, 'other-asks', /^(ErrImagePull|ImagePullBackOff)$/);
  assert.match(told, /authorization failed|401/);
  assert.ok(
    recordsOf(t).some((text) =>
      /"kubernetesServiceAccounts":\[\{"uid":"[^"]+","namespace":"[^"]+","name":"robot"/.test(text),
    ),
  );
}

async function providers(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  try {
    await startPrivateRegistry(t.lab.cluster);
    const provided = await pushPrivate(t.lab.cluster, 'busybox', 'provided/app:1');
    const hanging = await pushPrivate(t.lab.cluster, 'busybox', 'hanging/app:1');
    await t.lab.restartAgent({ args: writeProviders(t.directory) });
    await create(t, user(t, 'hanging', hanging, 'IfNotPresent'));
    await expectWait(t, 'hanging', 'PullingImage', /asking credential provider hanging/);
    await speakFor(t, await pushPrivate(t.lab.cluster, 'busybox', 'speaking/app:1'));
    for (const name of ['one', 'two']) {
      await create(t, user(t, name, provided, 'Always'));
      await untilReady(t, name);
    }
    assert.equal(readFileSync(path.join(t.directory, 'runs'), 'utf8'), 'run\n', 'its answer is for an hour');
    const request = JSON.parse(readFileSync(path.join(t.directory, 'request'), 'utf8')) as object;
    assert.deepEqual(request, {
      ...{ kind: 'CredentialProviderRequest', apiVersion: version },
      image: `${privateRegistry}/provided/app`,
    });
    // What the node's own credentials pulled, every Pod may use.
    await create(t, user(t, 'three', provided, 'Never'));
    await untilReady(t, 'three');
    await expectWait(t, 'hanging', 'PullingImage', /asking credential provider hanging/);
    await untilWaiting(t, 'hanging', /^(ErrImagePull|ImagePullBackOff)$/);
    const metrics = await t.lab.kubectl('get', '--raw', `/api/v1/nodes/${t.lab.node}/proxy/metrics`);
    assert.match(metrics.stdout, /kubelet_credential_provider_plugin_errors_total\{plugin_name="hanging"\} [1-9]/);
    assert.match(metrics.stdout, /kubelet_imagemanager_image_mustpull_checks_total\{result="credentialRecordFound"\}/);
  } finally {
    await t.lab.restartAgent().finally(() => stopPrivateRegistry(t.lab.cluster));
  }
}

export const credentialProviders = group('credential providers', [
  test('three providers: one answers, one hangs, one speaks for service accounts', providers, { mode: 'alone' }),
]);
