import { generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';

/** A certificate and its key, PEM. */
export interface KeyedCertificate {
  readonly cert: string;
  readonly key: string;
}

const YEAR_MS = 365 * 24 * 3_600_000;
const HOUR_MS = 3_600_000;

/** A serving certificate that signs itself, for one year: ECDSA P-256, the names as subjectAltName. */
export async function selfSigned(
  commonName: string,
  names: readonly string[],
  nowMs: number,
): Promise<KeyedCertificate> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const body = certificateBody(commonName, names, nowMs, publicKey);
  const der = sequence(body, ECDSA_SHA256, bitString(sign('sha256', body, privateKey)));
  return { cert: pem('CERTIFICATE', der), key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) };
}

function certificateBody(commonName: string, names: readonly string[], nowMs: number, key: KeyObject): Buffer {
  const serial = randomBytes(16);
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f); // positive, and never shortened
  const subject = sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(commonName)))));
  return sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    ECDSA_SHA256,
    subject,
    sequence(time(nowMs - HOUR_MS), time(nowMs + YEAR_MS)),
    subject,
    key.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, extensions(names)),
  );
}

/** RFC 5280: keyUsage (digitalSignature, keyCertSign), extKeyUsage (serverAuth), basicConstraints (CA), subjectAltName. */
function extensions(names: readonly string[]): Buffer {
  const critical = tlv(0x01, Buffer.from([0xff]));
  const alternatives = names.map((name) => (isIP(name) ? tlv(0x87, addressBytes(name)) : tlv(0x82, Buffer.from(name))));
  return sequence(
    sequence(oid('551d0f'), critical, tlv(0x04, tlv(0x03, Buffer.from([2, 0x84])))),
    sequence(oid('551d25'), tlv(0x04, sequence(oid('2b06010505070301')))),
    sequence(oid('551d13'), critical, tlv(0x04, sequence(critical))),
    sequence(oid('551d11'), tlv(0x04, sequence(...alternatives))),
  );
}

function addressBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number));
  const [head = '', tail] = ip.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':').map((w) => Number.parseInt(w, 16)));
  const [left, right] = [words(head), words(tail ?? '')];
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((w) => [w >> 8, w & 0xff]));
}

// DER, as little of it as a certificate needs.
function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const n = body.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
const bitString = (body: Buffer) => tlv(0x03, Buffer.from([0]), body);
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return tlv(0x18, Buffer.from(digits));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
