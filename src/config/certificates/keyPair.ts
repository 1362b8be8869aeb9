import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { ipBytes } from './certificateRequest.ts';

/** A certificate chain with its key. Two pairs are the same exactly when their objects are. */
export interface KeyPair {
  /** PEM, the leaf first. */
  readonly cert: string;
  readonly key: string;
  readonly leaf: X509Certificate;
  /** Wall clock, milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[\s\S]+?-----END (?:EC |RSA )?PRIVATE KEY-----/;
const generate = promisify(generateKeyPair);

/** A new ECDSA P-256 key. */
export async function newKey(): Promise<KeyObject> {
  return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
}

/** The text of a key as Go's tools write and read it: SEC 1 for EC keys. */
export function keyText(key: KeyObject): string {
  return key.export({ type: key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs8', format: 'pem' }).toString();
}

/** The first private key in a PEM text, or undefined if there is none that can be read. */
export function keyIn(text: string): KeyObject | undefined {
  const block = PRIVATE_KEY.exec(text)?.[0];
  if (block === undefined) return undefined;
  try {
    return createPrivateKey(block);
  } catch {
    return undefined; // a broken key is replaced by a new one
  }
}

/** Every certificate in a PEM text. Throws when one cannot be read. */
export function certificatesIn(text: string): X509Certificate[] {
  return (text.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
}

/** Reads a pair from PEM texts (the same text twice for a combined file). Throws one sentence that names `where`. */
export function readPair(certText: string, keyTexts: string, where: string): KeyPair {
  const fail = (why: string) =>
    new KubeletError(`${where} holds no usable certificate with its key: ${why}`, { code: 'InvalidCertificate' });
  let chain: X509Certificate[];
  try {
    chain = certificatesIn(certText);
  } catch (error) {
    throw fail(errorMessage(error));
  }
  const [leaf] = chain;
  const key = keyIn(keyTexts);
  if (!leaf) throw fail('there is no certificate in it');
  if (!key) throw fail('there is no private key in it');
  const spki = (publicKey: KeyObject) => publicKey.export({ type: 'spki', format: 'der' });
  if (!spki(leaf.publicKey).equals(spki(createPublicKey(key)))) throw fail('the key is not that of the certificate');
  return {
    cert: chain.map((each) => each.toString()).join(''),
    key: PRIVATE_KEY.exec(keyTexts)?.[0].concat('\n') ?? '',
    leaf,
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
}

/** The names in the leaf: subject parts and subject alternative names, addresses in one form whatever their spelling. */
export function namesOf(leaf: X509Certificate): {
  commonName: string;
  organizations: string[];
  alternatives: string[];
} {
  const parts = leaf.subject.split('\n').map((line) => line.split(/=(.*)/s));
  const of = (type: string) => parts.filter(([name]) => name === type).map(([, value = '']) => value);
  const alternatives = (leaf.subjectAltName ?? '').split(', ').filter(Boolean);
  return {
    commonName: of('CN')[0] ?? '',
    organizations: of('O'),
    alternatives: alternatives.map((name) =>
      name.startsWith('IP Address:') ? ipName(name.slice('IP Address:'.length)) : name,
    ),
  };
}

/** The form in which `namesOf` gives an address. */
export function ipName(ip: string): string {
  return `IP:${ipBytes(ip).toString('hex')}`;
}

/** The form in which `namesOf` gives a DNS name. */
export function dnsName(name: string): string {
  return `DNS:${name}`;
}
