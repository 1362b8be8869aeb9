// Images of a registry that asks for a password: who pulled one may use it, others may not, whatever kubelet is on the node; credential
// providers give what no Secret does.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import {
  privateRegistry,
  pushPrivate,
  registryLogins,
  startPrivateRegistry,
  startTokenRegistry,
  stopPrivateRegistry,
  stopTokenRegistry,
  tokenRegistry,
} from '../../hack/cluster/privateRegistry.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { expectWait } from '../lib/expectWait.ts';
import { container, create, pod, removeAndWait, rest, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';
import { makeNamespace, removeNamespace } from '../lib/workspace.ts';

type Policy = 'Always' | 'IfNotPresent' | 'Never';

function user(t: TestContext, name: string, image: string, policy: Policy, secret?: string): Pod {
  const command = ['sh', '-c', rest];
  return pod(t, name, {
    containers: [{ name: 'main', image, imagePullPolicy: policy, command }],
    ...(secret ? { imagePullSecrets: [{ name: secret }] } : {}),
  });
}

const secretsUrl = (t: TestContext) => `/api/v1/namespaces/${t.namespace}/secrets`;

function secretData(host: string, password: string, username: string = registryLogins.tenant.username): object {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = JSON.stringify({ auths: { [host]: { auth } } });
  return { '.dockerconfigjson': Buffer.from(config).toString('base64') };
}

async function makeSecret(
  t: TestContext,
  name: string,
  host = privateRegistry,
  password: string = registryLogins.tenant.password,
  username?: string,
): Promise<void> {
  const data = secretData(host, password, username);
  await t.lab.api.create(secretsUrl(t), { metadata: { name }, type: 'kubernetes.io/dockerconfigjson', data });
}

/** Waits until a container waits for one of these reasons; returns the message. */
async function untilWaiting(t: TestContext, name: string, reason: RegExp): Promise<string> {
  const now = await untilPod(t, name, `to wait for ${reason}`, (p) =>
    reason.test(container(p, 'main')?.state?.waiting?.reason ?? ''),
  );
  return container(now, 'main')?.state?.waiting?.message ?? '';
}

/** A Pod that is refused the image whatever it says; `round` makes the names new. */
async function assertRefused(t: TestContext, image: string, round: string, secret?: string): Promise<void> {
  const never = await create(t, user(t, `never-${round}`, image, 'Never', secret));
  const asked = await create(t, user(t, `asked-${round}`, image, 'IfNotPresent', secret));
  assert.equal(
    await untilWaiting(t, `never-${round}`, /^ErrImageNeverPull$/),
    `Container image "${image}" is not present with pull policy of Never`,
  );
  // 401 of the registry, in the runtime's words.
  assert.match(
    await untilWaiting(t, `asked-${round}`, /^(ErrImagePull|ImagePullBackOff)$/),
    /authorization failed|401/,
  );
  for (const one of [never, asked]) await removeAndWait(t, one);
}

/** A Pod that has the Secret and needs no registry. */
async function assertAllowed(t: TestContext, image: string, name: string): Promise<void> {
  const made = await create(t, user(t, name, image, 'Never', 'cred'));
  await untilReady(t, name);
  await removeAndWait(t, made);
}

function recordsOf(t: TestContext): string[] {
  const directory = path.join(t.lab.cluster.layout.kubeletRoot, 'image_manager/pulled');
  return readdirSync(directory).map((name) => readFileSync(path.join(directory, name), 'utf8'));
}

async function tenants(t: TestContext): Promise<void> {
  const stranger = { ...t, namespace: `${t.namespace}-b` };
  try {
    await startPrivateRegistry(t.lab.cluster);
    await makeNamespace(t.lab, stranger.namespace);
    const image = await pushPrivate(t.lab.cluster, 'busybox', 'tenant-a/app:1');
    await makeSecret(t, 'cred');
    await create(t, user(t, 'owner', image, 'IfNotPresent', 'cred'));
    await untilReady(t, 'owner');
    await assertRefused(stranger, image, 'ts');
    await assertAllowed(t, image, 'again-ts');

    const record = recordsOf(t).find((text) => text.includes('tenant-a/app'));
    assert.match(
      record ?? '',
      /"kubernetesSecrets":\[\{"uid":"[^"]+","namespace":"[^"]+","name":"cred","credentialHash":/,
    );
    assert.doesNotMatch(recordsOf(t).join(), /password-a/);

    await t.lab.restartAgent();
    await assertRefused(stranger, image, 'restarted');
    await assertAllowed(t, image, 'again-restarted');

    await untilOldEnough(t, ['owner']);
    const seen = Unnoticed.of(t, ['owner']);
    await stopKubelet(t.lab.cluster);
    await startKubelet(t.lab.cluster, 'go');
    await waitForNodeReady(t.lab.cluster, patience);
    await seen.assert('the start of the Go kubelet');
    await assertRefused(stranger, image, 'go');
    await assertAllowed(t, image, 'again-go');
    // What the Go kubelet lets in, kubelet-ts does too.
    const other = await pushPrivate(t.lab.cluster, 'busybox', 'tenant-a/other:1');
    await create(t, user(t, 'other', other, 'IfNotPresent', 'cred'));
    await untilReady(t, 'other');
    await seen.assert('the Go kubelet and what it decides');
    await t.lab.restartAgent();
    await assertRefused(stranger, other, 'back');
    await assertAllowed(t, other, 'again-back');
    t.note('the same decisions under kubelet-ts, after a restart, under the Go kubelet, and back');
  } finally {
    try {
      if (t.lab.cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
    } finally {
      await removeNamespace(t.lab, stranger.namespace).finally(() => stopPrivateRegistry(t.lab.cluster));
    }
  }
}

/** A registry that takes tokens; credentials that change while their Secret stays. */
async function tokens(t: TestContext): Promise<void> {
  const stranger = { ...t, namespace: `${t.namespace}-b` };
  const { cluster } = t.lab;
  try {
    const server = await startTokenRegistry(cluster);
    await makeNamespace(t.lab, stranger.namespace);
    await makeSecret(t, 'cred', tokenRegistry);
    const image = await pushPrivate(cluster, 'busybox', 'tenant-a/tokens:1', tokenRegistry);
    await create(t, user(t, 'owner', image, 'IfNotPresent', 'cred'));
    await untilReady(t, 'owner');
    await create(t, user(t, 'nobody', image, 'Always'));
    assert.match(await untilWaiting(t, 'nobody', /^(ErrImagePull|ImagePullBackOff)$/), /authorization failed|401/);
    await expectWait(t, 'nobody', 'ImagePullBackOff', /hint: the registry takes no credentials of this Pod/);
    // The password changes: the Secret that pulled the image counts by its place, and is known by what it holds now from then on.
    server.setLogins({ [registryLogins.tenant.username]: 'password-new' });
    await t.lab.api.patch(`${secretsUrl(t)}/cred`, { data: secretData(tokenRegistry, 'password-new') });
    await assertAllowed(t, image, 'rotated');
    await create(t, user(t, 'pulls-anew', image, 'Always', 'cred'));
    await untilReady(t, 'pulls-anew');
    // Elsewhere the old password opens nothing any more, the new one does without a question to the registry.
    await makeSecret(stranger, 'old', tokenRegistry);
    await create(stranger, user(stranger, 'old', image, 'IfNotPresent', 'old'));
    const told = await untilWaiting(stranger, 'old', /^(ErrImagePull|ImagePullBackOff)$/);
    assert.match(told, /401|authorization failed|failed to authorize/);
    await makeSecret(stranger, 'cred', tokenRegistry, 'password-new');
    await assertAllowed(stranger, image, 'new');
  } finally {
    await removeNamespace(t.lab, stranger.namespace).finally(() => stopTokenRegistry(cluster));
  }
}

/** Two tenants who each pulled an image under the Go kubelet, of the same content: who may use which does not change with the kubelet. */
async function twoTenants(t: TestContext): Promise<void> {
  const { cluster } = t.lab;
  const other = { ...t, namespace: `${t.namespace}-b` };
  const logins = { 'tenant-a': 'password-a', 'tenant-b': 'password-b' };
  const startGo = async () => {
    await stopKubelet(cluster);
    await startKubelet(cluster, 'go');
    await waitForNodeReady(cluster, patience);
  };
  try {
    (await startTokenRegistry(cluster)).setLogins(logins);
    await makeNamespace(t.lab, other.namespace);
    const tenants = await Promise.all(
      (
        [
          ['tenant-a', t],
          ['tenant-b', other],
        ] as const
      ).map(async ([username, context]) => {
        const password = logins[username];
        await makeSecret(context, 'cred', tokenRegistry, password, username);
        const login = { username, password };
        return { context, image: await pushPrivate(cluster, 'busybox', `${username}/two:1`, tokenRegistry, login) };
      }),
    );
    await startGo();
    for (const { context, image } of tenants)
      await create(context, user(context, 'owner', image, 'IfNotPresent', 'cred'));
    for (const { context } of tenants) await untilReady(context, 'owner');
    await untilOldEnough(t, ['owner']);
    const seen = Unnoticed.of(t, ['owner']);
    const check = async (round: string) => {
      for (const [i, { context, image }] of tenants.entries()) {
        await assertAllowed(context, image, `own-${round}`);
        await assertRefused(context, tenants[1 - i]!.image, `other-${round}`, 'cred');
      }
      await seen.assert(round);
    };
    await check('go');
    await t.lab.restartAgent();
    await check('ts');
    await startGo();
    await check('go-again');
    t.note('the same decisions under the Go kubelet, kubelet-ts, and the Go kubelet again');
  } finally {
    try {
      if (cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
    } finally {
      await removeNamespace(t.lab, other.namespace).finally(() => stopTokenRegistry(cluster));
    }
  }
}

const version = 'credentialprovider.kubelet.k8s.io/v1';

/** Two providers: one that answers and one that never does. */
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
  };
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${body}`);
    chmodSync(path.join(bin, name), 0o755);
  }
  const provider = (name: string, repository: string) => ({
    ...{ name, apiVersion: version, defaultCacheDuration: '0s', matchImages: [`${privateRegistry}/${repository}`] },
  });
  const config = {
    ...{ apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig' },
    providers: [provider('quick', 'provided'), provider('hanging', 'hanging')],
  };
  const file = path.join(directory, 'providers.yaml');
  writeFileSync(file, JSON.stringify(config));
  return [`--image-credential-provider-config=${file}`, `--image-credential-provider-bin-dir=${bin}`];
}

async function providers(t: TestContext): Promise<void> {
  try {
    await startPrivateRegistry(t.lab.cluster);
    const provided = await pushPrivate(t.lab.cluster, 'busybox', 'provided/app:1');
    const hanging = await pushPrivate(t.lab.cluster, 'busybox', 'hanging/app:1');
    await t.lab.restartAgent({ args: writeProviders(t.directory) });
    await create(t, user(t, 'hanging', hanging, 'IfNotPresent'));
    await expectWait(t, 'hanging', 'PullingImage', /asking credential provider hanging/);
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

export const privateImages = group('private images', [
  test('a tenant does not get what another one pulled: kubelet-ts, Go kubelet, kubelet-ts', tenants, { mode: 'alone' }),
  test(
    'two tenants: Go kubelet, kubelet-ts, Go kubelet',
    (t) => (t.full ? twoTenants(t) : Promise.resolve(t.note('only with --full'))),
    { mode: 'alone' },
  ),
  test('a registry with tokens; a password changes, the Secret stays', tokens),
  test('credential providers: one answers, one hangs', providers, { mode: 'alone' }),
]);
