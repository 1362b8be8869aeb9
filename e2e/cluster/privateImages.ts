// Images of registries that ask who one is: who pulled one may use it, others may not, whatever kubelet is on the node.
import assert from 'node:assert/strict';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import {
  pushPrivate,
  registryLogins,
  startPrivateRegistry,
  startTokenRegistry,
  stopPrivateRegistry,
  stopTokenRegistry,
  tokenRegistry,
} from '../../hack/cluster/privateRegistry.ts';
import { patience } from '../lib/collection.ts';
import { expectWait } from '../lib/expectWait.ts';
import { create, untilReady } from '../lib/pods.ts';
import {
  assertAllowed,
  assertRefused,
  makeSecret,
  recordsOf,
  secretData,
  secretsUrl,
  untilWaiting,
  user,
} from '../lib/privatePods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';
import { makeNamespace, removeNamespace } from '../lib/workspace.ts';

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

export const privateImages = group('private images', [
  test('a tenant does not get what another one pulled: kubelet-ts, Go kubelet, kubelet-ts', tenants, { mode: 'alone' }),
  test(
    'two tenants: Go kubelet, kubelet-ts, Go kubelet',
    (t) => (t.full ? twoTenants(t) : Promise.resolve(t.note('only with --full'))),
    { mode: 'alone' },
  ),
  test('a registry with tokens; a password changes, the Secret stays', tokens),
]);
