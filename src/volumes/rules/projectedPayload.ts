import { goQuote } from '../../k8s/goText.ts';
import type { PodCertificateProjection, StoredPod, VolumeProjection } from '../../types/k8s.ts';
import type { VolumeContext } from '../contract.ts';
import { downwardPayload } from './downwardPayload.ts';
import { configMapPayload, secretPayload } from './keyedPayload.ts';
import { lookedUp } from './lookedUp.ts';
import { aggregate, type FileProjection, type Payload, PayloadError, requireDefaultMode } from './payload.ts';

/** A fetched token, or why there is none. */
export type TokenResult = { readonly token: string } | { readonly error: PayloadError };

/** Key and certificates of the Pod, both PEM, or why there are none. */
export type CertificateResult = { readonly key: string; readonly chain: string } | { readonly error: PayloadError };

export interface ProjectedInput {
  readonly pod: StoredPod;
  readonly volume: string;
  readonly sources: readonly VolumeProjection[];
  readonly defaultMode: number | undefined;
  readonly context: Pick<VolumeContext, 'objects' | 'nodeAllocatable' | 'trustAnchors'>;
  /** By index in `sources`, for each serviceAccountToken source. */
  readonly tokens: ReadonlyMap<number, TokenResult>;
  /** By index in `sources`, for each podCertificate source. */
  readonly certificates: ReadonlyMap<number, CertificateResult>;
  /** The one user that all containers run as, if there is such a user. */
  readonly fsUser: number | undefined;
}

/** Tokens are for one reader; fsGroup members get 0640 when the group is applied. */
const PRIVATE_MODE = 0o600;

/**
 * The files of a projected volume: the sources in order, a later one replacing equal paths. All sources are tried, so that one
 * message names everything that is missing.
 */
export function projectedPayload(input: ProjectedInput): Payload {
  const mode = requireDefaultMode(input.defaultMode);
  const files = new Map<string, FileProjection>();
  const errors: PayloadError[] = [];
  input.sources.forEach((source, index) => {
    try {
      for (const [path, file] of sourcePayload(input, source, index, mode)) files.set(path, file);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      errors.push(error);
    }
  });
  if (errors.length > 0) throw aggregate(errors);
  return files;
}

function sourcePayload(input: ProjectedInput, source: VolumeProjection, index: number, defaultMode: number): Payload {
  const { pod, volume, context } = input;
  const namespace = pod.metadata.namespace;
  if (source.secret) {
    const { name = '', optional = false, items } = source.secret;
    const reference = { kind: 'Secret', namespace, name, optional, volume } as const;
    return secretPayload(lookedUp(context.objects.get('Secret', namespace, name), reference), {
      items,
      defaultMode,
      reference,
    });
  }
  if (source.configMap) {
    const { name = '', optional = false, items } = source.configMap;
    const reference = { kind: 'ConfigMap', namespace, name, optional, volume } as const;
    const object = lookedUp(context.objects.get('ConfigMap', namespace, name), reference);
    return configMapPayload(object, { items, defaultMode, reference });
  }
  if (source.downwardAPI) {
    return downwardPayload(pod, source.downwardAPI.items ?? [], defaultMode, context.nodeAllocatable);
  }
  if (source.serviceAccountToken) return tokenPayload(input, source.serviceAccountToken.path, index, defaultMode);
  if (source.clusterTrustBundle) {
    // As kubelet says it: the gate is off, or there is no API server.
    if (!context.trustAnchors)
      throw new PayloadError('ClusterTrustBundle projection is not supported in static kubelet mode');
    const bytes = context.trustAnchors(source.clusterTrustBundle);
    return new Map([[source.clusterTrustBundle.path, privateFile(input, bytes, defaultMode)]]);
  }
  if (source.podCertificate) return certificatePayload(input, source.podCertificate, index, defaultMode);
  // A source without any member has no files, as in the Go kubelet; one that is not built here, or is of a newer API, must not go missing in silence.
  const unknown = Object.entries(source).find(([, value]) => value != null)?.[0];
  if (unknown !== undefined) throw unsupported(unknown);
  return new Map();
}

function tokenPayload(input: ProjectedInput, path: string, index: number, defaultMode: number): Payload {
  const result = input.tokens.get(index);
  if (!result) throw new PayloadError(`no token was fetched for ${path}`);
  if ('error' in result) throw result.error;
  return new Map([[path, privateFile(input, Buffer.from(result.token, 'utf8'), defaultMode)]]);
}

function certificatePayload(
  input: ProjectedInput,
  { credentialBundlePath, keyPath, certificateChainPath }: PodCertificateProjection,
  index: number,
  defaultMode: number,
): Payload {
  const result = input.certificates.get(index);
  if (!result) throw new PayloadError(`no certificate was fetched for source ${index}`);
  if ('error' in result) throw result.error;
  const { key, chain } = result;
  const files = [
    [credentialBundlePath, key + chain],
    [keyPath, key],
    [certificateChainPath, chain],
  ] as const;
  return new Map(
    files.flatMap(([path, text]) =>
      path ? [[path, privateFile(input, Buffer.from(text, 'utf8'), defaultMode)] as const] : [],
    ),
  );
}

/** For the one user or the group of the Pod where it has one. */
function privateFile({ fsUser, pod }: ProjectedInput, bytes: Uint8Array, defaultMode: number): FileProjection {
  const restricted = fsUser !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
  return { bytes, mode: restricted ? PRIVATE_MODE : defaultMode, ...(fsUser !== undefined && { owner: fsUser }) };
}

/** Of a newer API server. */
function unsupported(kind: string): PayloadError {
  return new PayloadError(`projected source ${goQuote(kind)} is not yet supported by kubelet-ts`);
}
