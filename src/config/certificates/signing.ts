import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ApiError, isAlreadyExists } from '../../api/apiError.ts';
import type { ApiClient } from '../../api/client.ts';
import { Reflector } from '../../api/reflector.ts';
import type { Clock } from '../../lib/clock.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { CertificateSigningRequest } from '../../types/k8s.ts';
import { type CertificateSubject, makeCertificateRequest } from './certificateRequest.ts';

/** Who in the cluster signs (the API's signer names). */
export type Signer = 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving';

export interface SigningOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly subject: CertificateSubject;
  readonly key: KeyObject;
  /** Gives the request a name that a second attempt with the same key finds again; otherwise the server picks a name. */
  readonly reuse?: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The request lies at the API server under this name. */
  readonly onRequested?: (name: string) => void;
}

/**
 * Asks the cluster for a certificate and waits until it is issued; resolves with its PEM chain. Rejects with a KubeletError when the
 * request is denied, failed, removed or not answered in time, with the API's error when it cannot be made, and with the
 * signal's reason.
 */
export async function requestCertificate(options: SigningOptions): Promise<string> {
  const request = await submit(options);
  const name = request.metadata?.name ?? '';
  options.onRequested?.(name);
  return waitFor(name, request.metadata?.uid ?? '', options);
}

/** What a key of this kind may be used for, in the words of both signers. */
function usagesOf(signer: Signer, key: KeyObject): string[] {
  const purpose = signer === 'kubernetes.io/kubelet-serving' ? 'server auth' : 'client auth';
  // An ECDSA key cannot encipher, and signers refuse requests that claim it (kubelet too asks for it with RSA keys only).
  const encipher = key.asymmetricKeyType === 'rsa' ? ['key encipherment'] : [];
  return ['digital signature', ...encipher, purpose];
}

async function submit(options: SigningOptions): Promise<CertificateSigningRequest> {
  const { client, subject, key, signer, signal } = options;
  const usages = usagesOf(signer, key);
  const name = options.reuse ? requestName(subject, key, usages) : undefined;
  const request = Buffer.from(makeCertificateRequest(subject, key)).toString('base64');
  const object: CertificateSigningRequest = {
    metadata: name === undefined ? { generateName: 'csr-' } : { name },
    spec: { request, signerName: signer, usages },
  };
  try {
    return await client.create('CertificateSigningRequest', object, { signal });
  } catch (error) {
    if (name === undefined || !isAlreadyExists(error)) throw error;
    const existing = await client.get('CertificateSigningRequest', { name }, { signal });
    if (existing.spec.signerName === signer) return existing;
    throw new KubeletError(`the certificate signing request ${name} is for another signer: delete it`, {
      code: 'CertificateRequest',
    });
  }
}

/** `node-csr-…` with a digest of key, subject and usages: the same after a restart, so no attempt leaves a request behind. */
function requestName({ commonName, organizations }: CertificateSubject, key: KeyObject, usages: readonly string[]) {
  const hash = createHash('sha512-256');
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const texts = [commonName, ...organizations, ...usages].map((text) => Buffer.from(text));
  for (const part of [spki, ...texts]) hash.update(`${part.toString('base64url')}|`);
  return `node-csr-${hash.digest('base64url')}`;
}

function waitFor(name: string, uid: string, options: SigningOptions): Promise<string> {
  const { client, clock, signal, timeoutMs } = options;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stack = new DisposableStack();
  const look = (request: CertificateSigningRequest) => {
    try {
      if (request.metadata?.uid !== uid) throw refusal(name, 'was replaced by another of its name');
      const issued = issuedIn(name, request, options.key);
      if (issued !== undefined) resolve(issued);
    } catch (error) {
      reject(error);
    }
  };
  const callbacks = {
    onAdd: look,
    onUpdate: look,
    onDelete: () => reject(refusal(name, 'was deleted before a certificate was issued')),
  };
  const selector = { fieldSelector: `metadata.name=${name}` };
  stack.use(new Reflector(client, 'CertificateSigningRequest', selector, callbacks, { clock })).start();
  stack.use(
    clock.setTimer(timeoutMs, () =>
      reject(refusal(name, `got no certificate within ${timeoutMs / 60_000} minutes: is it approved?`)),
    ),
  );
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return promise.finally(() => {
    signal.removeEventListener('abort', onAbort);
    stack.dispose();
  });
}

function issuedIn(name: string, request: CertificateSigningRequest, key: KeyObject): string | undefined {
  for (const { type, reason, message } of request.status?.conditions ?? []) {
    const why = [reason, message].filter(Boolean).join(': ');
    if (type === 'Denied') throw refusal(name, `was denied (${why})`);
    if (type === 'Failed') throw refusal(name, `failed (${why})`);
  }
  const encoded = request.status?.certificate;
  if (!encoded) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  if (!new X509Certificate(text).checkPrivateKey(key)) throw refusal(name, 'was answered for another key');
  return text;
}

function refusal(name: string, what: string): KubeletError {
  return new KubeletError(`the certificate signing request ${name} ${what}`, { code: 'CertificateRequest' });
}

/** A 401, 403 or 404 comes from a working API server; a 5xx may come from a proxy before it; other errors change nothing. */
export function answered(error: unknown, before: boolean): boolean {
  if (!(error instanceof ApiError)) return (error as { code?: string }).code === 'CertificateRequest' ? before : false;
  return [401, 403, 404].includes(error.status);
}
