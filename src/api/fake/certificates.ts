import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A PEM certificate with its key; made fresh for each test, so no key lies in the repository. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

const length = (n: number): Buffer => {
  if (n < 0x80) return Buffer.from([n]);
  return n < 0x100 ? Buffer.from([0x81, n]) : Buffer.from([0x82, n >> 8, n & 0xff]);
};
const tlv = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
};
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
const bitString = (body: Buffer) => tlv(0x03, Buffer.from([0]), body);
const utf8 = (text: string) => tlv(0x0c, Buffer.from(text));
const time = (date: Date) =>
  tlv(
    0x18,
    Buffer.from(
      `${date
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(0, 14)}Z`,
    ),
  );

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const COMMON_NAME = '550403';
const ORGANIZATION = '55040a';

function subject(name: string, organizations: readonly string[]): Buffer {
  const attribute = (id: string, value: string) => tlv(0x31, sequence(oid(id), utf8(value)));
  return sequence(...organizations.map((o) => attribute(ORGANIZATION, o)), attribute(COMMON_NAME, name));
}

function extensions(ca: boolean): Buffer {
  const critical = tlv(0x01, Buffer.from([0xff]));
  const names = sequence(tlv(0x82, Buffer.from('localhost')), tlv(0x87, Buffer.from([127, 0, 0, 1])));
  const list = ca
    ? [sequence(oid('551d13'), critical, tlv(0x04, sequence(tlv(0x01, Buffer.from([0xff])))))]
    : [sequence(oid('551d11'), tlv(0x04, names))];
  return tlv(0xa3, sequence(...list));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** The elements of a DER sequence, with and without their heads. */
function elements(der: Buffer): { raw: Buffer; body: Buffer }[] {
  const found: { raw: Buffer; body: Buffer }[] = [];
  for (let at = 0; at < der.length; ) {
    const long = der[at + 1]! & 0x80 ? der[at + 1]! & 0x7f : 0;
    const start = at + 2 + long;
    const end = start + (long === 0 ? der[at + 1]! : der.readUIntBE(at + 2, long));
    found.push({ raw: der.subarray(at, end), body: der.subarray(start, end) });
    at = end;
  }
  return found;
}

/** A throw-away certificate authority for fakes: ECDSA P-256, names localhost and 127.0.0.1. */
export class TestAuthority {
  readonly #key: KeyObject;
  readonly #name = subject(`test-ca-${randomBytes(4).toString('hex')}`, []);
  /** The PEM that clients trust. */
  readonly ca: string;

  /** With an `issuer` it is an intermediate one, valid for `seconds`. */
  constructor(issuer?: TestAuthority, seconds?: number) {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = pair.privateKey;
    this.ca = (issuer ?? this).#certificate(this.#name, pair.publicKey, true, seconds);
  }

  /** A certificate for a server or a client, valid for `seconds` from an hour ago (so that clocks may differ). */
  issue(commonName: string, organizations: readonly string[] = [], seconds = 86_400): Identity {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return {
      cert: this.#certificate(subject(commonName, organizations), publicKey, false, seconds),
      key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
        .export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    };
  }

  /** Signs a PKCS#10 request as a signer of the cluster does: its subject and key, but none of its extensions. */
  certify(request: string, seconds = 86_400): string {
    const [outer] = elements(Buffer.from(request.replace(/-----[^-]+-----/g, ''), 'base64'));
    const [, name, spki] = elements(elements(outer!.body)[0]!.body);
    const key = createPublicKey({ key: spki!.raw, format: 'der', type: 'spki' });
    return this.#certificate(name!.raw, key, false, seconds);
  }

  /** Signs the key of a PKCS#10 request (DER) under names of the signer's choice; `now` is when (wall clock, milliseconds). */
  certifyAs(
    request: Buffer,
    commonName: string,
    organizations: readonly string[],
    seconds: number,
    now?: number,
  ): string {
    const [outer] = elements(request);
    const [, , spki] = elements(elements(outer!.body)[0]!.body);
    const key = createPublicKey({ key: spki!.raw, format: 'der', type: 'spki' });
    return this.#certificate(subject(commonName, organizations), key, false, seconds, now);
  }

  #certificate(name: Buffer, key: KeyObject, ca: boolean, seconds = 86_400, now = Date.now()): string {
    const serial = randomBytes(8);
    serial[0] = 0x40 | (serial[0]! & 0x3f);
    const body = sequence(
      tlv(0xa0, tlv(0x02, Buffer.from([2]))),
      tlv(0x02, serial),
      ECDSA_SHA256,
      this.#name,
      sequence(time(new Date(now - 3_600_000)), time(new Date(now + seconds * 1000))),
      name,
      key.export({ type: 'spki', format: 'der' }),
      extensions(ca),
    );
    return pem('CERTIFICATE', sequence(body, ECDSA_SHA256, bitString(sign('sha256', body, this.#key))));
  }
}
