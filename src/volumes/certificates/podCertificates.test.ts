import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { ApiClient } from '../../api/client.ts';
import { FakeApiServer } from '../../api/fake/server.ts';
import { pem } from '../../config/certificates/der.ts';
import type { NodeEvent } from '../../events/event.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { failure, until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { PodCertificateRequest, StoredPod } from '../../types/k8s.ts';
import type { CertificateDemand } from './certificateEntry.ts';
import { newPodKey } from './keys.ts';
import { certificateKey } from './names.ts';
import { PodCertificates } from './podCertificates.ts';

const MINUTE = 60_000;
const pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
  spec: { containers: [], serviceAccountName: 'robot' },
} as unknown as StoredPod;
const demand: CertificateDemand = {
  ...{ pod, volume: 'v', index: 1 },
  source: { keyType: 'ED25519', signerName: 'example.com/s', maxExpirationSeconds: 3600, userAnnotations: { a: 'b' } },
};
const key = certificateKey(demand);

class Issuer implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly events: NodeEvent[] = [];
  readonly certificates: PodCertificates;
  readonly api: FakeApiServer;
  readonly #client: ApiClient;

  private constructor(api: FakeApiServer, clock: ManualClock) {
    this.api = api;
    this.clock = clock;
    this.#client = new ApiClient(api.connection);
    api.objects.set('ServiceAccount', { metadata: { name: 'robot', namespace: 'shop', uid: 'sa-uid' } });
    this.certificates = new PodCertificates({
      ...{ client: this.#client, nodeName: 'n1', clock: this.clock, log: silentLogger },
      nodeUid: () => 'node-uid',
      random: () => 0.5,
      onEvent: (_pod, event) => void this.events.push(event),
    });
  }

  static async start(): Promise<Issuer> {
    const clock = new ManualClock();
    return new Issuer(await FakeApiServer.start({ now: () => clock.now().wall }), clock);
  }

  get now(): number {
    return this.clock.now().wall;
  }

  /** Requests so far, the oldest first. */
  requests(): readonly PodCertificateRequest[] {
    return this.api.requests.flatMap(({ verb, kind, body }) =>
      verb === 'create' && kind === 'PodCertificateRequest' ? [body as PodCertificateRequest] : [],
    );
  }

  /** Names of those that nobody has answered. */
  names(): string[] {
    const all = this.api.storage.list('PodCertificateRequest', 'shop', () => true) as PodCertificateRequest[];
    return all.flatMap(({ metadata, status }) => (status?.conditions ? [] : [metadata!.name!]));
  }

  /** The signer answers the newest request. */
  async answer(type: 'Issued' | 'Denied' | 'Failed', chain = 'leaf', refreshMs = 30 * MINUTE): Promise<void> {
    const version = this.certificates.version(key);
    const at = (ms: number) => new Date(this.now + ms).toISOString();
    this.api.objects.edit('PodCertificateRequest', 'shop', this.names()[0]!, (request) => {
      const condition = { type, status: 'True', reason: 'Why', message: 'so "it" is', lastTransitionTime: at(0) };
      request.status = {
        conditions: [condition],
        certificateChain: `noise\n${pem('CERTIFICATE', Buffer.from(chain))}`,
        beginRefreshAt: at(refreshMs),
        notAfter: at(60 * MINUTE),
      } as never;
    });
    // The watch may have to begin anew, which takes a while of the clock.
    await until(() => {
      this.clock.advance(100);
      return this.certificates.version(key) !== version;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.certificates[Symbol.dispose]();
    await this.#client[Symbol.asyncDispose]();
    await this.api[Symbol.asyncDispose]();
  }
}

const message = async (issuer: Issuer) => ((await failure(issuer.certificates.get(demand))) as Error).message;
const notIssued = /^credential bundle is not issued yet \(PodCertificateRequest shop\/\S+, signer example.com\/s\)$/;

test('a request names Pod, service account and node, and what was issued for it is given with its key', async () => {
  await using issuer = await Issuer.start();
  expect(await message(issuer)).toMatch(notIssued);
  expect(await message(issuer)).toMatch(notIssued);
  const [request, ...others] = issuer.requests();
  expect(others).toEqual([]);
  expect(request).toMatchObject({
    metadata: {
      generateName: 'req-',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u1' }],
    },
    spec: {
      ...{ signerName: 'example.com/s', podName: 'web', podUID: 'u1', nodeName: 'n1', nodeUID: 'node-uid' },
      ...{ serviceAccountName: 'robot', serviceAccountUID: 'sa-uid', maxExpirationSeconds: 3600 },
      unverifiedUserAnnotations: { a: 'b' },
    },
  });
  expect(issuer.certificates.states()).toEqual([{ signer: 'example.com/s', state: 'not_yet_issued' }]);
  await issuer.answer('Issued');
  const { key: text, chain, refreshAt } = await issuer.certificates.get(demand);
  expect(chain).toBe(pem('CERTIFICATE', Buffer.from('leaf')));
  // Half of five minutes of jitter.
  expect(refreshAt! - issuer.now).toBeGreaterThan(32 * MINUTE);
  const spki = createPublicKey(createPrivateKey(text)).export({ type: 'spki', format: 'der' });
  expect(Buffer.from(request!.spec.stubPKCS10Request, 'base64').includes(spki)).toBe(true);
  expect(issuer.certificates.states()).toEqual([{ signer: 'example.com/s', state: 'fresh' }]);
  issuer.certificates.forget('u1');
  expect(issuer.certificates.states()).toEqual([]);
});

test('the next one is asked for in time; the old one serves until it is there', async () => {
  await using issuer = await Issuer.start();
  await message(issuer);
  await issuer.answer('Issued');
  const first = await issuer.certificates.get(demand);
  issuer.clock.advance(34 * MINUTE);
  const { refreshAt: _, ...same } = first;
  expect(await issuer.certificates.get(demand)).toEqual(same);
  expect(issuer.requests()).toHaveLength(2);
  await issuer.answer('Issued', 'next');
  const second = await issuer.certificates.get(demand);
  expect([second.chain === first.chain, second.key === first.key, second.refreshAt! > issuer.now]).toEqual([
    false,
    false,
    true,
  ]);
});

test('one that nobody renews is told as overdue, then as expired, once each', async () => {
  await using issuer = await Issuer.start();
  await message(issuer);
  await issuer.answer('Issued');
  issuer.clock.advance(33 * MINUTE);
  await issuer.certificates.get(demand);
  issuer.clock.advance(11 * MINUTE);
  expect(issuer.certificates.states()[0]!.state).toBe('overdue_for_refresh');
  issuer.clock.advance(20 * MINUTE);
  await issuer.certificates.get(demand);
  issuer.clock.advance(20 * MINUTE);
  expect(issuer.certificates.states()[0]!.state).toBe('expired');
  expect(issuer.events).toEqual([
    { type: 'Warning', reason: 'CertificateOverdueForRefresh', message: 'PodCertificate refresh overdue' },
    { type: 'Warning', reason: 'CertificateExpired', message: 'PodCertificate expired' },
  ]);
});

test.each([
  ['Denied', 'was denied', 'denied'],
  ['Failed', 'failed', 'failed'],
] as const)('%s is for good, with an Event', async (type, words, state) => {
  await using issuer = await Issuer.start();
  await message(issuer);
  const [name] = issuer.names();
  await issuer.answer(type);
  expect(await message(issuer)).toBe(
    `PodCertificateRequest was permanently ${state}: reason="Why" message="so \\"it\\" is"`,
  );
  expect(issuer.events).toEqual([
    {
      type: 'Warning',
      reason: type,
      message: `PodCertificateRequest shop/${name} ${words}, reason="Why", message="so \\"it\\" is"`,
    },
  ]);
  expect([issuer.requests().length, issuer.certificates.states()[0]!.state]).toEqual([1, state]);
});

test('a request that somebody deleted is made again a quarter of an hour later; one that nobody answers is waited for', async () => {
  await using issuer = await Issuer.start();
  await message(issuer);
  const [mine] = issuer.names();
  // Whoever has seen the later request answered has seen this one too.
  const other = { ...demand, index: 7 };
  await failure(issuer.certificates.get(other));
  issuer.api.objects.edit('PodCertificateRequest', 'shop', issuer.names().find((name) => name !== mine)!, (request) => {
    request.status = { conditions: [{ type: 'Denied', status: 'True' }] } as never;
  });
  await until(() => issuer.certificates.version(certificateKey(other)) !== undefined);
  issuer.clock.advance(16 * MINUTE);
  expect(await message(issuer)).toMatch(notIssued);
  expect(issuer.requests()).toHaveLength(2);
  issuer.api.objects.remove('PodCertificateRequest', 'shop', mine!);
  await until(() => {
    issuer.clock.advance(1_000);
    return issuer.certificates.version(key) !== undefined;
  });
  expect(await message(issuer)).toMatch(notIssued);
  expect(issuer.requests()).toHaveLength(3);
});

test('what hinders a request is told in kubelet’s words; a renewal that is hindered is tried again, and the old one serves', async () => {
  await using issuer = await Issuer.start();
  const fault = issuer.api.faults.add({
    verb: 'create',
    kind: 'PodCertificateRequest',
    status: 403,
    reason: 'Forbidden',
  });
  expect(await message(issuer)).toMatch(/^while creating initial PodCertificateRequest: while creating on API: /);
  fault[Symbol.dispose]();
  await message(issuer);
  await issuer.answer('Issued');
  const { chain } = await issuer.certificates.get(demand);
  issuer.clock.advance(40 * MINUTE);
  issuer.api.objects.remove('ServiceAccount', 'shop', 'robot');
  const old = await issuer.certificates.get(demand);
  expect([old.chain, old.refreshAt! > issuer.now, old.refreshAt! < issuer.now + 2_000]).toEqual([chain, true, true]);
});

test.each([
  ['RSA3072', 'sha256'],
  ['RSA4096', 'sha256'],
  ['ECDSAP256', 'sha256'],
  ['ECDSAP384', 'sha384'],
  ['ECDSAP521', 'sha512'],
  ['ED25519', null],
])('a %s key signs the request that proves it', async (type, digest) => {
  const { key: text, proof } = await newPodKey(type);
  // SEQUENCE { info, algorithm, BIT STRING }: each with its length in front.
  const part = (at: number): [start: number, end: number] => {
    const first = proof[at + 1]!;
    const digits = first & 0x80 ? first & 0x7f : 0;
    const size = digits === 0 ? first : proof.readUIntBE(at + 2, digits);
    return [at + 2 + digits, at + 2 + digits + size];
  };
  const [info] = part(0);
  const [, infoEnd] = part(info);
  const [, algorithmEnd] = part(infoEnd);
  const [bits, end] = part(algorithmEnd);
  const publicKey = createPublicKey(createPrivateKey(text));
  expect(verify(digest, proof.subarray(info, infoEnd), publicKey, proof.subarray(bits + 1, end))).toBe(true);
  expect(text).toMatch(/^-----BEGIN PRIVATE KEY-----/);
});

test('a type of key that there is none of is refused', async () => {
  await expect(newPodKey('toString')).rejects.toThrow('while generating keypair: unknown key type "toString"');
});

test('a Pod that wants many asks for one after the other, and for no more when it is gone', async () => {
  await using issuer = await Issuer.start();
  const many = Array.from({ length: 5 }, (_, index) => failure(issuer.certificates.get({ ...demand, index })));
  await many[0];
  issuer.certificates.forget('u1');
  await Promise.all(many);
  // The second may have been on its way.
  expect(issuer.requests().length).toBeLessThanOrEqual(2);
  expect(issuer.certificates.states()).toEqual([]);
});

test('keys are made one at a time: a long one takes a thread that files are read with', async () => {
  const made: string[] = [];
  await Promise.all(['RSA3072', 'ED25519'].map((type) => newPodKey(type).then(() => made.push(type))));
  expect(made).toEqual(['RSA3072', 'ED25519']);
});
