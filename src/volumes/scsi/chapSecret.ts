import type { StoredPod } from '../../types/k8s.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import { secretReference } from '../persistent/volumeSecret.ts';
import type { Reference } from '../rules/payload.ts';
import { iscsiSource } from './rules/iscsiDisk.ts';

/** Where the Secret with the passwords for a target is; undefined without CHAP. */
export function chapSecretReference(spec: VolumeSpec, pod: StoredPod): Omit<Reference, 'volume'> | undefined {
  const { chapAuthDiscovery = false, chapAuthSession = false, secretRef } = iscsiSource(spec);
  return chapAuthDiscovery || chapAuthSession ? secretReference(spec, pod, secretRef) : undefined;
}
