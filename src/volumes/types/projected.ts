import { errorMessage, isAbort } from '../../lib/errors.ts';
import { untilAborted } from '../../lib/untilAborted.ts';
import { bundleKey, certificateKey } from '../certificates/names.ts';
import { payloadVolume } from '../payloadVolume.ts';
import { fsUserOf } from '../rules/fsUser.ts';
import { PayloadError, type Reference } from '../rules/payload.ts';
import { type CertificateResult, projectedPayload, type TokenResult } from '../rules/projectedPayload.ts';
import type { VolumeTask } from '../volumeType.ts';

/** Several sources in one directory; every Pod has one with its service account token. */
export const projectedVolume = payloadVolume({
  plugin: 'kubernetes.io/projected',
  medium: 'memory',
  references,
  collect: async (task) => {
    const { sources = [], defaultMode } = task.volume.projected!;
    const [{ tokens, refreshAt: tokensAt }, { certificates, refreshAt: certificatesAt }] = await Promise.all([
      fetchTokens(task),
      fetchCertificates(task),
    ]);
    const refreshAt = Math.min(tokensAt ?? Number.POSITIVE_INFINITY, certificatesAt ?? Number.POSITIVE_INFINITY);
    const payload = projectedPayload({
      pod: task.pod,
      volume: task.volume.name,
      sources,
      defaultMode,
      context: task.context,
      tokens,
      certificates,
      fsUser: fsUserOf(task.pod.spec),
    });
    return Number.isFinite(refreshAt) ? { payload, refreshAt } : { payload };
  },
});

function references({ pod, volume }: Pick<VolumeTask, 'pod' | 'volume'>): Reference[] {
  const common = { namespace: pod.metadata.namespace, volume: volume.name };
  return (volume.projected?.sources ?? []).flatMap((source, index): Reference[] => {
    const { configMap, secret, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
    const made = { namespace: '', optional: true, volume: volume.name };
    if (clusterTrustBundle) return [{ kind: 'ClusterTrustBundle', name: bundleKey(clusterTrustBundle), ...made }];
    if (podCertificate)
      return [{ kind: 'PodCertificate', name: certificateKey({ pod, volume: volume.name, index }), ...made }];
    if (configMap)
      return [{ kind: 'ConfigMap', name: configMap.name ?? '', optional: configMap.optional ?? false, ...common }];
    if (secret) return [{ kind: 'Secret', name: secret.name ?? '', optional: secret.optional ?? false, ...common }];
    if (!serviceAccountToken) return [];
    return [{ kind: 'ServiceAccountToken', name: pod.spec.serviceAccountName ?? '', optional: false, ...common }];
  });
}

async function fetchTokens(
  task: VolumeTask,
): Promise<{ tokens: Map<number, TokenResult>; refreshAt: number | undefined }> {
  const { pod, volume, context, signal } = task;
  const tokens = new Map<number, TokenResult>();
  const due: number[] = [];
  const fetches = (volume.projected?.sources ?? []).map(async ({ serviceAccountToken: source }, index) => {
    if (!source) return;
    try {
      const issued = await context.token(
        {
          namespace: pod.metadata.namespace,
          serviceAccountName: pod.spec.serviceAccountName ?? '',
          audiences: source.audience ? [source.audience] : [],
          ...(source.expirationSeconds !== undefined && { expirationSeconds: source.expirationSeconds }),
          pod: { name: pod.metadata.name, uid: pod.metadata.uid },
        },
        signal,
      );
      tokens.set(index, { token: issued.token });
      due.push(issued.refreshAt);
    } catch (error) {
      if (isAbort(error)) throw error;
      tokens.set(index, { error: new PayloadError(errorMessage(error)) });
    }
  });
  await Promise.all(fetches);
  return { tokens, refreshAt: due.length > 0 ? Math.min(...due) : undefined };
}

async function fetchCertificates({
  pod,
  volume,
  context,
  signal,
}: VolumeTask): Promise<{ certificates: Map<number, CertificateResult>; refreshAt: number | undefined }> {
  const certificates = new Map<number, CertificateResult>();
  const due: number[] = [];
  const fetches = (volume.projected?.sources ?? []).map(async ({ podCertificate: source }, index) => {
    if (!source) return;
    try {
      // Kubelet's word where no manager is, without an API server or with its gate off.
      if (!context.certificate) throw new PayloadError('unimplemented');
      const asked = context.certificate({ pod, volume: volume.name, index, source });
      const { refreshAt, ...credentials } = await untilAborted(asked, signal);
      certificates.set(index, credentials);
      if (refreshAt !== undefined) due.push(refreshAt);
    } catch (error) {
      if (isAbort(error)) throw error;
      certificates.set(index, { error: error instanceof PayloadError ? error : new PayloadError(errorMessage(error)) });
    }
  });
  await Promise.all(fetches);
  return { certificates, refreshAt: due.length > 0 ? Math.min(...due) : undefined };
}
