import { createHash, type X509Certificate } from 'node:crypto';
import { certificatesIn } from '../../config/certificates/keyPair.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';

/** More certificates than a CA bundle has; each one costs a look at all others. */
const MOST = 32;

/**
 * What a token pins of a server's `/cacerts`: the SHA-256 of the bytes of one certificate; of a bundle that of the (DER) root that the
 * first certificate leads to, so that the CAs below it may be replaced. Hex digits in lower case. Throws when there is no certificate.
 */
export function caHash(bundle: Buffer): string {
  const certificates = read(bundle);
  const root = certificates.length > 1 ? rootOf(certificates) : undefined;
  return createHash('sha256')
    .update(root?.raw ?? bundle)
    .digest('hex');
}

function read(bundle: Buffer): X509Certificate[] {
  let certificates: X509Certificate[];
  try {
    certificates = certificatesIn(bundle.toString('latin1'));
  } catch (cause) {
    throw unusable(`it holds a certificate that cannot be read (${errorMessage(cause)})`);
  }
  if (certificates.length === 0) throw unusable('there is no certificate in it');
  if (certificates.length > MOST) throw unusable(`it holds more than ${MOST} certificates`);
  return certificates;
}

/** undefined: the first leads to none that is there. */
function rootOf([first, ...others]: readonly X509Certificate[]): X509Certificate | undefined {
  let at = first as X509Certificate;
  for (let steps = 0; steps <= others.length; steps++) {
    const issuer = others.find((each) => at.checkIssued(each) && at.verify(each.publicKey));
    if (!issuer) return undefined;
    if (issuer.checkIssued(issuer)) return issuer;
    at = issuer;
  }
  return undefined;
}

function unusable(why: string): KubeletError {
  return new KubeletError(
    `the answer of the server's /cacerts is no CA: ${why}; is --server the URL of a k3s server?`,
    {
      code: 'InvalidCa',
    },
  );
}
