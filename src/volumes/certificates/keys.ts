// Key pairs of Pods' certificates, with the proof that they are there.
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { proofOfKey } from '../../config/certificates/certificateRequest.ts';
import { Turns } from '../../lib/turns.ts';

const generate = promisify(generateKeyPair);

/** A long key takes one of the threads for seconds that all files are read with: one at a time, whatever Pods ask for. */
const turns = new Turns(1);

const MAKE: Readonly<Record<string, () => Promise<{ readonly privateKey: KeyObject }>>> = {
  RSA3072: () => generate('rsa', { modulusLength: 3072 }),
  RSA4096: () => generate('rsa', { modulusLength: 4096 }),
  ECDSAP256: () => generate('ec', { namedCurve: 'P-256' }),
  ECDSAP384: () => generate('ec', { namedCurve: 'P-384' }),
  ECDSAP521: () => generate('ec', { namedCurve: 'P-521' }),
  ED25519: () => generate('ed25519', {}),
};

/** A new key in PEM (PKCS #8), and a PKCS #10 request without a subject that it has signed, in DER. Rejects on a type that there is none of. */
export async function newPodKey(keyType: string): Promise<{ readonly key: string; readonly proof: Buffer }> {
  const make = Object.hasOwn(MAKE, keyType) ? MAKE[keyType] : undefined;
  if (!make) throw new Error(`while generating keypair: unknown key type "${keyType}"`);
  const { privateKey } = await turns.take(make);
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), proof: proofOfKey(privateKey) };
}
