import { createHash, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { UserInfo } from './user.ts';

/** What a client certificate proves: a user, nothing (none was shown), or that it cannot be trusted. */
export type CertificateVerdict =
  | { readonly state: 'none' }
  | { readonly state: 'user'; readonly user: UserInfo }
  | { readonly state: 'untrusted'; readonly message: string };

/** The client CA of now. `epoch` grows with each reload. */
export interface ClientCa {
  readonly epoch: number;
  readonly certificates: readonly X509Certificate[];
}

const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

/**
 * Judges the certificate of a connection: TLS has checked its chain at the handshake, its end is checked at each request, and a
 * connection older than the present CA must be signed by that too. CN names the user, each O a group.
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
  if (seenEpoch !== ca.epoch && !isSignedBy(certificate, ca.certificates)) {
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

function isSignedBy(certificate: X509Certificate, issuers: readonly X509Certificate[]): boolean {
  return issuers.some((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
}

/** The parts of the subject by their short names, in order. */
function subjectOf(certificate: X509Certificate): Record<string, string[]> {
  const subject = certificate.toLegacyObject().subject as unknown as Record<string, string | string[]> | undefined;
  return Object.fromEntries(
    Object.entries(subject ?? {}).map(([key, value]) => [key, Array.isArray(value) ? value : [value]]),
  );
}
