// The Secret that a FlexVolume names, for its driver.
import type { StoredPod } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import { secretError, secretReference, volumeSecret } from '../persistent/volumeSecret.ts';
import type { Reference } from '../rules/payload.ts';
import { flexSource } from './rules/options.ts';

/** Where it is; undefined for a volume that names none. */
export function flexSecretReference(spec: VolumeSpec, pod: StoredPod): Omit<Reference, 'volume'> | undefined {
  return secretReference(spec, pod, flexSource(spec).secretRef);
}

/** Its values in base64, as the API has them; empty without one. Only a Secret whose type is the driver is for it. Never logged. */
export function flexSecret(spec: VolumeSpec, pod: StoredPod, objects: ObjectLookup): Readonly<Record<string, string>> {
  const reference = flexSecretReference(spec, pod);
  if (!reference) return {};
  const { type, data = {} } = volumeSecret(reference, 'err', objects);
  const { driver } = flexSource(spec);
  if (type !== driver) throw secretError(reference, 'err', `cannot get secret of type ${driver}`);
  return data;
}
