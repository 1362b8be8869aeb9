import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { bits, element, integer, octets, oid, pem, sequence, set, utf8 } from './der.ts';

/** Whom a certificate is asked for. The API server's signers of kubelet certificates accept nobody but nodes. */
export interface CertificateSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Subject alternative names, for serving certificates. */
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
}

/** The subject of a node's client certificate, and of its serving certificate without names. */
export function nodeSubject(nodeName: string): CertificateSubject {
  return { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
}

const COMMON_NAME = oid('2.5.4.3');
const ORGANIZATION = oid('2.5.4.10');
const EXTENSION_REQUEST = oid('1.2.840.113549.1.9.14');
const SUBJECT_ALT_NAME = oid('2.5.29.17');
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const RSA_WITH_SHA256 = sequence(oid('1.2.840.113549.1.1.11'), element(0x05));

/** A PKCS#10 request (RFC 2986) in PEM, signed with this key: ECDSA or RSA, with SHA-256. */
export function makeCertificateRequest(subject: CertificateSubject, key: KeyObject): string {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const info = sequence(integer(0), nameOf(subject), publicKey, attributes(subject));
  const algorithm = key.asymmetricKeyType === 'rsa' ? RSA_WITH_SHA256 : ECDSA_WITH_SHA256;
  return pem('CERTIFICATE REQUEST', sequence(info, algorithm, bits(sign('sha256', info, key))));
}

/** A PKCS#10 request in DER that names nobody: it shows only that whoever sends it has the key. With the digest that Go takes for the key. */
export function proofOfKey(key: KeyObject): Buffer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const info = sequence(integer(0), sequence(), publicKey, element(0xa0));
  const [digest, algorithm] = signatureFor(key);
  return sequence(info, algorithm, bits(sign(digest, info, key)));
}

function signatureFor(key: KeyObject): [digest: string | null, algorithm: Buffer] {
  if (key.asymmetricKeyType === 'ed25519') return [null, sequence(oid('1.3.101.112'))];
  if (key.asymmetricKeyType === 'rsa') return ['sha256', RSA_WITH_SHA256];
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'secp384r1') return ['sha384', sequence(oid('1.2.840.10045.4.3.3'))];
  if (curve === 'secp521r1') return ['sha512', sequence(oid('1.2.840.10045.4.3.4'))];
  return ['sha256', ECDSA_WITH_SHA256];
}

function nameOf({ commonName, organizations }: CertificateSubject): Buffer {
  const part = (type: Buffer, text: string) => sequence(type, utf8(text));
  return sequence(set(...organizations.map((name) => part(ORGANIZATION, name))), set(part(COMMON_NAME, commonName)));
}

function attributes({ dnsNames = [], ips = [] }: CertificateSubject): Buffer {
  const names = [
    ...dnsNames.map((name) => element(DNS_NAME, Buffer.from(name, 'latin1'))),
    ...ips.map((ip) => element(IP_ADDRESS, ipBytes(ip))),
  ];
  if (names.length === 0) return element(0xa0);
  const extension = sequence(SUBJECT_ALT_NAME, octets(sequence(...names)));
  return element(0xa0, sequence(EXTENSION_REQUEST, set(sequence(extension))));
}

/** The 4 or 16 bytes of an address. */
export function ipBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number));
  // The URL parser writes any IPv6 form as plain groups, embedded IPv4 included.
  const plain = new URL(`http://[${ip}]`).hostname.slice(1, -1);
  const [head = '', tail = ''] = plain.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const all = plain.includes('::') ? [...before, ...zeros, ...after] : before;
  return Buffer.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}
