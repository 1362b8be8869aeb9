import { prefixErrors } from '../../lib/errors.ts';
import type { CertificateDemand } from './certificateEntry.ts';
import { newPodKey } from './keys.ts';
import type { PodCertificatesOptions } from './podCertificates.ts';

/**
 * Makes a key and asks the API server for a certificate with it (KEP-4317). Rejects in kubelet's words. `kind`: `initial` or `refresh`, for
 * these words.
 */
export async function requestPodCertificate(
  { client, nodeName, nodeUid }: Pick<PodCertificatesOptions, 'client' | 'nodeName' | 'nodeUid'>,
  { pod, source }: CertificateDemand,
  kind: 'initial' | 'refresh',
) {
  const { namespace, name, uid } = pod.metadata;
  const serviceAccountName = pod.spec.serviceAccountName ?? '';
  const account = await prefixErrors('while fetching service account', () =>
    client.get('ServiceAccount', { namespace, name: serviceAccountName }),
  );
  const node = nodeUid();
  if (node === undefined) throw new Error(`while getting node object from local cache: node "${nodeName}" not found`);
  return prefixErrors(`while creating ${kind} PodCertificateRequest`, async () => {
    const pair = await newPodKey(source.keyType);
    const request = await prefixErrors('while creating on API', () =>
      client.create('PodCertificateRequest', {
        metadata: {
          ...{ namespace, generateName: 'req-' },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
        },
        spec: {
          ...{ signerName: source.signerName, podName: name, podUID: uid, nodeName, nodeUID: node },
          ...{ serviceAccountName, serviceAccountUID: account.metadata?.uid ?? '' },
          ...(source.maxExpirationSeconds === undefined ? {} : { maxExpirationSeconds: source.maxExpirationSeconds }),
          stubPKCS10Request: pair.proof.toString('base64'),
          ...(source.userAnnotations ? { unverifiedUserAnnotations: source.userAnnotations } : {}),
        },
      }),
    );
    return { pair, request };
  });
}
