import type { CertificateSubject } from './certificateRequest.ts';
import { dnsName, ipName, type KeyPair, namesOf } from './keyPair.ts';

/**
 * When a pair is due for renewal (wall clock, milliseconds): between 70 and 90 % of its life, so that a fleet started together does
 * not renew together. `random` in [0, 1) is drawn once per certificate. Formula: client-go's certificate manager.
 */
export function rotationDeadline({ notBefore, notAfter }: KeyPair, random: number): number {
  return notBefore + (notAfter - notBefore) * (0.7 + 0.2 * random);
}

/** Why the pair does not serve this subject (other name, missing organization or address), or undefined when it does. */
export function mismatch(pair: KeyPair, subject: CertificateSubject): string | undefined {
  const { commonName, organizations, alternatives } = namesOf(pair.leaf);
  if (commonName !== subject.commonName) return `it is for ${commonName}, not for ${subject.commonName}`;
  const wanted = [...(subject.dnsNames ?? []).map(dnsName), ...(subject.ips ?? []).map(ipName)];
  const missing = [
    ...subject.organizations.filter((name) => !organizations.includes(name)),
    ...wanted.filter((name) => !alternatives.includes(name)),
  ];
  return missing.length === 0 ? undefined : `${missing.join(', ')} is missing in it`;
}

/** The shortest time between two renewals, in ms, of a certificate that lives longer. */
const PAUSE_MS = 10_000;

/** Signers date certificates back, so a short-lived one may be due the moment it is issued; between two renewals there is a pause. */
export function notBefore(now: number, due: number, { notAfter }: KeyPair): number {
  return Math.max(due, now + Math.min(PAUSE_MS, (notAfter - now) / 2));
}
