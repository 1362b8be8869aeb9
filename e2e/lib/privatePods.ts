// Pods and Secrets of tenants whose images are in registries that ask who they are.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { privateRegistry, registryLogins } from '../../hack/cluster/privateRegistry.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { container, create, pod, removeAndWait, rest, untilPod, untilReady } from './pods.ts';
import type { TestContext } from './test.ts';

/** imagePullPolicy. */
export type Policy = 'Always' | 'IfNotPresent' | 'Never';

/** A Pod that rests in an image of a tenant, with an imagePullSecret or without. */
export function user(t: TestContext, name: string, image: string, policy: Policy, secret?: string): Pod {
  const command = ['sh', '-c', rest];
  return pod(t, name, {
    containers: [{ name: 'main', image, imagePullPolicy: policy, command }],
    ...(secret ? { imagePullSecrets: [{ name: secret }] } : {}),
  });
}

/** The Secrets of the test's namespace. */
export const secretsUrl = (t: TestContext) => `/api/v1/namespaces/${t.namespace}/secrets`;

/** What a Secret for a registry holds. */
export function secretData(host: string, password: string, username: string = registryLogins.tenant.username): object {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = JSON.stringify({ auths: { [host]: { auth } } });
  return { '.dockerconfigjson': Buffer.from(config).toString('base64') };
}

/** Makes an imagePullSecret in the test's namespace; for the first tenant unless said. */
export async function makeSecret(
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
export async function untilWaiting(t: TestContext, name: string, reason: RegExp): Promise<string> {
  const now = await untilPod(t, name, `to wait for ${reason}`, (p) =>
    reason.test(container(p, 'main')?.state?.waiting?.reason ?? ''),
  );
  return container(now, 'main')?.state?.waiting?.message ?? '';
}

/** A Pod that is refused the image whatever it says; `round` makes the names new. */
export async function assertRefused(t: TestContext, image: string, round: string, secret?: string): Promise<void> {
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
export async function assertAllowed(t: TestContext, image: string, name: string): Promise<void> {
  const made = await create(t, user(t, name, image, 'Never', 'cred'));
  await untilReady(t, name);
  await removeAndWait(t, made);
}

/** The records of pulled images on the node, as text. */
export function recordsOf(t: TestContext): string[] {
  const directory = path.join(t.lab.cluster.layout.kubeletRoot, 'image_manager/pulled');
  return readdirSync(directory).map((name) => readFileSync(path.join(directory, name), 'utf8'));
}
