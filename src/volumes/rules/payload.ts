import { KubeletError } from '../../lib/errors.ts';

/** An API object (or token) that a volume is made from. The namespace of cluster-wide kinds is ''. */
export interface Reference {
  readonly kind:
    | 'ConfigMap'
    | 'Secret'
    | 'ServiceAccountToken'
    | 'PersistentVolumeClaim'
    | 'PersistentVolume'
    | 'CSIDriver'
    | 'CSIPlugin'
    | 'FlexVolumeDriver'
    | 'ClusterTrustBundle'
    | 'PodCertificate';
  readonly namespace: string;
  /** For tokens the service account's name. */
  readonly name: string;
  /** An absent optional object counts as empty. */
  readonly optional: boolean;
  readonly volume: string;
}

/** One file of a volume. */
export interface FileProjection {
  readonly bytes: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Owner, where the content is for one user only (tokens). */
  readonly owner?: number;
}

/** The files of a volume by their relative path. */
export type Payload = ReadonlyMap<string, FileProjection>;

/** A payload that cannot be made from what is known now. */
export class PayloadError extends KubeletError {
  constructor(message: string) {
    super(message, { code: 'PayloadError' });
  }
}

/** Several errors as one, in the form of apimachinery's aggregate: a single one as it is, more in brackets, equal ones once. */
export function aggregate(errors: readonly PayloadError[]): PayloadError {
  const messages = [...new Set(errors.map((error) => error.message))];
  return new PayloadError(messages.length === 1 ? messages[0]! : `[${messages.join(', ')}]`);
}

/** Kubernetes fills defaultMode in at admission; a volume without one never passed the API server or our own defaulting. */
export function requireDefaultMode(mode: number | undefined): number {
  if (mode === undefined) throw new PayloadError('no defaultMode used, not even the default value for it');
  return mode;
}
