// Under which names Pods wait for trust bundles and certificates.
import type { ClusterTrustBundleProjection } from '../../types/k8s.ts';
import type { CertificateDemand } from './certificateEntry.ts';

/** The name under which a Pod waits for a certificate. */
export const certificateKey = ({ pod, volume, index }: Omit<CertificateDemand, 'source'>): string =>
  `${pod.metadata.uid}/${volume}/${index}`;

/** What a source of a volume is made from: one bundle, or all of a signer. */
export function bundleKey({ name, signerName }: Pick<ClusterTrustBundleProjection, 'name' | 'signerName'>): string {
  return name === undefined ? `signer ${signerName ?? ''}` : `name ${name}`;
}
