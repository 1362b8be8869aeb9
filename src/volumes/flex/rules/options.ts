// What a FlexVolume driver is told of a volume.
import { goJson } from '../../../k8s/goText.ts';
import type { StoredPod } from '../../../types/k8s.ts';
import type { VolumeSpec } from '../../persistent/contract.ts';

/** A FlexVolume source, with the fields of both forms that the API has. */
export interface FlexSource {
  readonly driver: string;
  readonly fsType?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly secretRef?: { readonly name?: string; readonly namespace?: string };
}

/** The volume's source, of a PersistentVolume or of the Pod. */
export function flexSource({ pv, inline }: Pick<VolumeSpec, 'pv' | 'inline'>): FlexSource {
  return (pv?.spec?.flexVolume ?? inline?.flexVolume) as FlexSource;
}

/** The JSON of a call, keys sorted as in a Go map. What the volume's author set counts before kubelet's own. */
export function callOptions(spec: VolumeSpec, more: Readonly<Record<string, string>> = {}): string {
  const { fsType = '', options = {} } = flexSource(spec);
  const all: Record<string, string> = {
    'kubernetes.io/fsType': fsType,
    'kubernetes.io/readwrite': spec.readOnly ? 'ro' : 'rw',
    'kubernetes.io/pvOrVolumeName': spec.name,
    ...more,
    ...options,
  };
  return goJson(Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** What a mount is told of the Pod, and the Secret of the volume; values are base64, as in the API. */
export function podOptions(pod: StoredPod, secret: Readonly<Record<string, string>>): Record<string, string> {
  const { fsGroup } = pod.spec.securityContext ?? {};
  return {
    'kubernetes.io/pod.name': pod.metadata.name,
    'kubernetes.io/pod.namespace': pod.metadata.namespace,
    'kubernetes.io/pod.uid': pod.metadata.uid,
    'kubernetes.io/serviceAccount.name': pod.spec.serviceAccountName ?? '',
    ...(fsGroup === undefined ? {} : { 'kubernetes.io/mounterArgs.FsGroup': String(fsGroup) }),
    ...Object.fromEntries(Object.entries(secret).map(([key, value]) => [`kubernetes.io/secret/${key}`, value])),
  };
}
