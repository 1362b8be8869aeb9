// The Secret that a FlexVolume names, for its driver.
import type { StoredPod } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import { FinalError } from '../persistent/volumeStepError.ts';
import type { Reference } from '../rules/payload.ts';
import { flexSource } from './rules/options.ts';

/** Where it is: in the Pod's namespace unless a PersistentVolume says otherwise. Undefined without one. */
export function secretReference(spec: VolumeSpec, pod: StoredPod): Omit<Reference, 'volume'> | undefined {
  const { name = '', namespace = '' } = flexSource(spec).secretRef ?? {};
  if (name === '') return undefined;
  const where = spec.pv && namespace !== '' ? namespace : pod.metadata.namespace;
  return { kind: 'Secret', namespace: where, name, optional: false };
}

/** Its values in base64, as the API has them; empty without one. Only a Secret whose type is the driver is for it. Never logged. */
export function flexSecret(spec: VolumeSpec, pod: StoredPod, objects: ObjectLookup): Readonly<Record<string, string>> {
  const reference = secretReference(spec, pod);
  if (!reference) return {};
  const { namespace, name } = reference;
  const refuse = (why: string) => new FinalError(`couldn't get secret ${namespace}/${name} err: ${why}`);
  const found = objects.get('Secret', namespace, name);
  if (found.state === 'absent') throw refuse(`secrets "${name}" not found`);
  if (found.state === 'unknown') throw refuse(`failed to sync secret cache: ${found.reason}`);
  const { driver } = flexSource(spec);
  if (found.object.type !== driver) throw refuse(`cannot get secret of type ${driver}`);
  return found.object.data ?? {};
}
