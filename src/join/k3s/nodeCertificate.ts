import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { bits, element, integer, oid, sequence } from '../../config/certificates/der.ts';
import {
  certificatesIn,
  type KeyPair,
  keyIn,
  keyText,
  namesOf,
  newKey,
  readPair,
} from '../../config/certificates/keyPair.ts';
import { textOf } from '../../config/certificates/pairStore.ts';
import type { Clock } from '../../lib/clock.ts';
import { KubeletError } from '../../lib/errors.ts';
import { writeAtomically } from '../../lib/writeAtomically.ts';
import type { PairFiles } from './layout.ts';
import { refusal, type Supervisor } from './supervisor.ts';

/** Who asks. */
export interface K3sNodeIdentity {
  readonly nodeName: string;
  /** Proves to the server that the name is ours. */
  readonly password: string;
  readonly passwordFile: string;
  /** Addresses that the serving certificate must hold: internal, then external ones. */
  readonly ips: readonly string[];
}

/** `serving`: of the kubelet's server; `client`: with which the node asks the API server. */
export type CertificateUse = 'serving' | 'client';

const PATHS: Record<CertificateUse, string> = {
  serving: '/v1-k3s/serving-kubelet.crt',
  client: '/v1-k3s/client-kubelet.crt',
};
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/** The pair on disk; undefined when there is none that can be used, or it expires before `wall`. */
export async function storedPair(files: PairFiles, wall: number): Promise<KeyPair | undefined> {
  const [cert, key] = [await textOf(files.cert), await textOf(files.key)];
  if (cert === undefined || key === undefined) return undefined;
  try {
    const pair = readPair(cert, key, files.cert);
    return pair.notAfter > wall ? pair : undefined;
  } catch {
    return undefined; // half written, or somebody else's: a new one is asked for
  }
}

/**
 * Asks a supervisor for a certificate and writes it. The key stays on this machine, and the same through all renewals, so that whoever
 * reads the two files while the certificate is replaced finds a pair; servers of before 2025 send a key of their own. Rejects with one sentence.
 */
export async function requestNodeCertificate(
  supervisor: Supervisor,
  use: CertificateUse,
  identity: K3sNodeIdentity,
  files: PairFiles,
  clock: Clock,
  signal?: AbortSignal,
): Promise<KeyPair> {
  const key = keyIn((await textOf(files.key)) ?? '') ?? (await makeKey(files.key));
  const { status, body } = await send(supervisor, use, identity, key, signal);
  if (status !== 200) throw refused(use, status, body, identity);
  const text = body.toString('latin1');
  const pair = checked(text, keyIn(text) ?? key, use, identity, clock);
  if (keyIn(text)) await writeAtomically(files.key, pair.key);
  await writeAtomically(files.cert, pair.cert);
  return pair;
}

async function makeKey(file: string): Promise<KeyObject> {
  const key = await newKey();
  await writeAtomically(file, keyText(key));
  return key;
}

async function send(
  supervisor: Supervisor,
  use: CertificateUse,
  who: K3sNodeIdentity,
  key: KeyObject,
  signal?: AbortSignal,
) {
  const headers = {
    'k3s-node-name': who.nodeName,
    'k3s-node-password': who.password,
    'k3s-node-ip': who.ips.join(','),
  };
  const rest = { headers, ...(signal && { signal }) };
  const answer = await supervisor.request(PATHS[use], { method: 'POST', body: keyRequest(key), ...rest });
  // Servers that know no requests make key and certificate themselves.
  return answer.status === 405 || answer.status === 404 ? await supervisor.request(PATHS[use], rest) : answer;
}

/** A PKCS#10 request (RFC 2986) in DER that says only which key: the server writes all names itself. */
export function keyRequest(key: KeyObject): Buffer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const info = sequence(integer(0), sequence(), publicKey, element(0xa0));
  return sequence(info, ECDSA_WITH_SHA256, bits(sign('sha256', info, key)));
}

function checked(
  text: string,
  key: KeyObject,
  use: CertificateUse,
  { nodeName }: K3sNodeIdentity,
  clock: Clock,
): KeyPair {
  const where = `the server's answer to ${PATHS[use]}`;
  if (certificatesIn(text).length > 16)
    throw new KubeletError(`${where} holds more than 16 certificates`, { code: 'InvalidCertificate' });
  const pair = readPair(text, keyText(key), where);
  const wanted = use === 'client' ? `system:node:${nodeName}` : nodeName;
  const { commonName } = namesOf(pair.leaf);
  if (commonName !== wanted) {
    throw new KubeletError(
      `${where} is a certificate for ${commonName}, and not for ${wanted}: is something between here and the server?`,
      {
        code: 'InvalidCertificate',
      },
    );
  }
  if (pair.notAfter <= clock.now().wall) {
    throw new KubeletError(
      `${where} is a certificate that has expired (${new Date(pair.notAfter).toISOString()}): set the clock of this machine or of the server right`,
      { code: 'InvalidCertificate' },
    );
  }
  return pair;
}

function refused(
  use: CertificateUse,
  status: number,
  body: Buffer,
  { nodeName, passwordFile }: K3sNodeIdentity,
): KubeletError {
  if (status === 403) {
    return new KubeletError(
      `the node name ${nodeName} is taken: the server knows it with another password than the one in ${passwordFile} (403); choose another --node-name, add --with-node-id, or, if that machine is gone, delete its Node (kubectl delete node ${nodeName}) and wait a minute`,
      { code: 'NodeNameTaken' },
    );
  }
  return refusal(PATHS[use], status, body);
}
