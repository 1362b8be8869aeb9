import { createHash, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { UserInfo } from './user.ts';

/** What a client certificate proves: a user, nothing (none was shown), or that it cannot be trusted. */
export type CertificateVerdict =
  | { readonly state: 'none' }
  | { readonly state: 'user'; readonly user: UserInfo }
  | { readonly state: 'untrusted'; readonly message: string };

/** The client CA of now. `epoch` grows when its text changes, and only then. */
export interface ClientCa {
  readonly epoch: number;
  readonly certificates: readonly X509Certificate[];
}

const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

/** Longer chains than this are nobody's; it bounds what a client can make a check cost. */
const MAX_INTERMEDIATES = 8;

/**
 * Judges the certificate of a connection: TLS has checked its chain at the handshake with the CA of `seenEpoch`, its end is checked
 * at each request, and where the CA is another by now the chain that the client showed must lead to that too. CN names the user,
 * each O a group. The Go kubelet verifies the whole chain at each request; what is answered is the same.
 */
export function certificateVerdict(
  socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerX509Certificate'>,
  seenEpoch: number,
  ca: ClientCa,
  nowMs: number,
): CertificateVerdict {
  const certificate = socket.getPeerX509Certificate?.();
  if (!certificate) return { state: 'none' };
  if (!socket.authorized) return { state: 'untrusted', message: String(socket.authorizationError ?? 'not verified') };
  if (Date.parse(certificate.validTo) < nowMs) return { state: 'untrusted', message: 'CERT_HAS_EXPIRED' };
  if (seenEpoch !== ca.epoch && !leadsTo(ca.certificates, certificate, nowMs)) {
    return { state: 'untrusted', message: 'the client CA has changed since the connection was made' };
  }
  const names = subjectOf(certificate);
  const name = names.CN?.at(-1);
  if (!name) return { state: 'none' };
  const digest = createHash('sha256').update(certificate.raw).digest('hex');
  return { state: 'user', user: { name, groups: names.O ?? [], extra: { [CREDENTIAL_ID]: [`X509SHA256=${digest}`] } } };
}

/** The certificates of a PEM bundle. Throws when there is none, or a broken one. */
export function parseBundle(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error('it holds no certificate');
  return blocks.map((block) => new X509Certificate(block));
}

/** Whether a chain of the certificates that the client showed leads from its own to one of `roots`, each of them valid now. */
function leadsTo(roots: readonly X509Certificate[], certificate: X509Certificate, nowMs: number): boolean {
  const shown: X509Certificate[] = [];
  for (
    let next = certificate.issuerCertificate;
    next && shown.length < MAX_INTERMEDIATES;
    next = next.issuerCertificate
  )
    shown.push(next);
  // Any client may show the certificate of any other: only a CA's may sign.
  const intermediates = new Set(shown.filter((c) => c.ca && isValid(c, nowMs)));
  const valid = roots.filter((root) => isValid(root, nowMs));
  const reached = [certificate];
  for (const at of reached) {
    if (valid.some((root) => isSignedBy(at, root))) return true;
    for (const issuer of intermediates) {
      if (!isSignedBy(at, issuer)) continue;
      intermediates.delete(issuer);
      reached.push(issuer);
    }
  }
  return false;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValid(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
}

/** The parts of the subject by their short names, in order. */
function subjectOf(certificate: X509Certificate): Record<string, string[]> {
  const subject: Readonly<NodeJS.Dict<string | string[]>> | undefined = certificate.toLegacyObject().subject;
  return Object.fromEntries(Object.entries(subject ?? {}).map(([key, value = []]) => [key, [value].flat()]));
}
