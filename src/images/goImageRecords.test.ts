import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allowedImages } from '../k8s/imageReference.ts';
import type { Secret } from '../types/k8s.ts';
import { credentialHash } from './credentialHash.ts';
import { recordName } from './records/recordFiles.ts';
import { keyringOf, lookupAuth } from './rules/credentials.ts';
import { judgeImage, judgePod, verificationOf } from './rules/imageAccess.ts';
import { learn, NOBODY } from './rules/mergeCredentials.ts';
import {
  decodeIntent,
  decodeRecord,
  encodeIntent,
  encodeRecord,
  type PulledRecord,
  type RecordedSecret,
} from './rules/pullRecord.ts';
import type { Coordinates } from './types.ts';

interface GoTenant {
  readonly Secrets: readonly Record<'UID' | 'Namespace' | 'Name' | 'CredentialHash', string>[] | null;
  readonly ServiceAccount: Record<'UID' | 'Namespace' | 'Name', string> | null;
}

/** What hack/checkpoints/imageRecords.go saw kubelet 1.36.3 write and decide. */
interface Recorded {
  readonly files: readonly { path: string; text: string }[];
  readonly keyrings: readonly {
    type: string;
    config: string;
    image: string;
    found: readonly { username: string; password: string; hash: string }[];
    error?: string;
  }[];
  readonly tenants: readonly GoTenant[];
  readonly decisions: readonly {
    policy: string;
    image: string;
    ref: string;
    tenant: number;
    mustPull: boolean;
    after?: string;
  }[];
  readonly patterns: readonly { pattern: string; error: string }[];
}

const go = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../hack/checkpoints/imageRecords.json'), 'utf8'),
) as Recorded;
const records = new Map<string, PulledRecord>();
const intents = new Set<string>();
for (const { path, text } of go.files) {
  if (path.includes('/pulling/')) intents.add(decodeIntent(text).image);
  else records.set(decodeRecord(text).record.imageRef, decodeRecord(text).record);
}

test('files of the Go kubelet are read, and written again byte for byte under the same names', () => {
  expect(go.files.length).toBeGreaterThan(8);
  for (const { path, text } of go.files) {
    const isIntent = path.includes('/pulling/');
    const [key, again] = isIntent
      ? [decodeIntent(text).image, encodeIntent(decodeIntent(text).image)]
      : [decodeRecord(text).record.imageRef, encodeRecord(decodeRecord(text).record)];
    expect(again).toBe(text);
    expect(path).toBe(`image_manager/${isIntent ? 'pulling' : 'pulled'}/${recordName(key)}`);
  }
});

test.each(go.keyrings.map((one) => [`${one.config} for ${one.image}`, one] as const))(
  'logins and their hashes: %s',
  (_, { type, config, image, found, error }) => {
    const key = type === 'dockercfg' ? '.dockercfg' : '.dockerconfigjson';
    const secret: Secret = { type: `kubernetes.io/${type}`, data: { [key]: Buffer.from(config).toString('base64') } };
    const logins = lookupAuth(keyringOf([secret]).keyring, image);
    const ours = logins.map((login) => ({
      username: login.username,
      password: login.password,
      hash: credentialHash(login),
    }));
    // Where one entry cannot be read, Go refuses the whole Secret, and the container with it; here the entry gives nothing that could match.
    if (error) expect(ours.filter(({ password }) => password !== '')).toEqual([]);
    else expect(ours).toEqual(found);
  },
);

const placeOf = (one: Record<'UID' | 'Namespace' | 'Name', string>): Coordinates => ({
  uid: one.UID,
  namespace: one.Namespace,
  name: one.Name,
});

test('who must pull is decided as in Go, and the same is learned from it', () => {
  const lists: Record<string, string[]> = { NeverVerifyAllowlistedImages: ['busybox', 'reg.example/other'] };
  let learnedOnce = 0;
  for (const { policy, image, ref, tenant, mustPull, after } of go.decisions) {
    const { Secrets, ServiceAccount } = go.tenants[tenant]!;
    const secrets = (Secrets ?? []).map((s): RecordedSecret => ({ ...placeOf(s), credentialHash: s.CredentialHash }));
    const serviceAccount = ServiceAccount ? placeOf(ServiceAccount) : undefined;
    const record = records.get(ref);
    const first = judgeImage(image, record, intents.has(image), verificationOf(policy, lists[policy] ?? []));
    const { result, learned } =
      typeof first === 'string' ? { result: first, learned: undefined } : judgePod(first, { secrets, serviceAccount });
    const ours = result === 'mustAuthenticate' || result === 'error';
    expect({ policy, image, ref, tenant, mustPull: ours }).toEqual({ policy, image, ref, tenant, mustPull });
    const next = record && learned && learn(record, ref, 'reg.example/app', { ...NOBODY, secrets: [learned] }, 0);
    expect(next !== undefined && next !== record).toBe(after !== undefined);
    if (!next || !after) continue;
    learnedOnce++;
    const hashes = next.credentials.get('reg.example/app')?.secrets.map((s) => [s.namespace, s.credentialHash]);
    const goMapping = JSON.parse(after) as Record<string, { KubernetesSecrets: Record<string, string>[] }>;
    expect(hashes).toEqual(goMapping['reg.example/app']?.KubernetesSecrets.map((s) => [s.Namespace, s.CredentialHash]));
  }
  expect(learnedOnce).toBeGreaterThan(10);
});

test.each(go.patterns)('pattern of the allow-list: $pattern', ({ pattern, error }) => {
  const read = allowedImages(pattern);
  expect('error' in read ? read.error : '').toBe(error);
});

test.each([
  [
    'an unknown field',
    '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1","imageRef":"a","more":1}',
  ],
  ['another kind', '{"kind":"ImagePullIntent","apiVersion":"kubelet.config.k8s.io/v1beta1","image":"a"}'],
  ['another version', '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v2","imageRef":"a"}'],
  ['half a file', '{"kind":"ImagePulledRecord","apiVersion":"kubelet.co'],
  [
    'a flag that is a text',
    '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1","imageRef":"a","credentialMapping":{"a":{"nodePodsAccessible":"true"}}}',
  ],
])('%s is not understood, so that it lets nobody in', (_, text) => {
  expect(() => decodeRecord(text)).toThrow();
});

test('records of v1alpha1 are read', () => {
  const text = go.files.find(({ text }) => text.includes('sha256:secrets'))!.text;
  const old = decodeRecord(text.replace('v1beta1', 'v1alpha1'));
  expect(old).toEqual({ ...decodeRecord(text), isCurrent: false });
});
