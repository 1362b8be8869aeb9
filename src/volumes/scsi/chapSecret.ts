import type { StoredPod } from '../../types/k8s.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import type { Reference } from '../rules/payload.ts';
import { iscsiSource } from './rules/iscsiDisk.ts';

/** The Secret with the passwords for a target: in the Pod's namespace unless a PersistentVolume says otherwise. Undefined without CHAP. */
export function secretReference(spec: VolumeSpec, pod: StoredPod): Omit<Reference, 'volume'> | undefined {
  const { chapAuthDiscovery = false, chapAuthSession = false, secretRef } = iscsiSource(spec);
  const { name = '', namespace = '' } = secretRef ?? {};
  if ((!chapAuthDiscovery && !chapAuthSession) || name === '') return undefined;
  const where = spec.pv && namespace !== '' ? namespace : pod.metadata.namespace;
  return { kind: 'Secret', namespace: where, name, optional: false };
}
