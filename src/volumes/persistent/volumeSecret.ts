// The Secret that a volume names (`secretRef`), for whoever is to be told its values.
import type { Secret, StoredPod } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import type { Reference } from '../rules/payload.ts';
import type { VolumeSpec } from './contract.ts';
import { FinalError } from './volumeStepError.ts';

/** Where the Secret is: in the Pod's namespace unless a PersistentVolume says otherwise. Undefined without a name. */
export function secretReference(
  spec: VolumeSpec,
  pod: StoredPod,
  secretRef: { readonly name?: string; readonly namespace?: string } | undefined,
): Omit<Reference, 'volume'> | undefined {
  const { name = '', namespace = '' } = secretRef ?? {};
  if (name === '') return undefined;
  const where = spec.pv && namespace !== '' ? namespace : pod.metadata.namespace;
  return { kind: 'Secret', namespace: where, name, optional: false };
}

/** What is wrong with such a Secret, in kubelet's words; its plug-ins differ in the word before the reason. */
export function secretError(
  { namespace, name }: Omit<Reference, 'volume'>,
  word: 'err' | 'error',
  why: string,
): FinalError {
  return new FinalError(`couldn't get secret ${namespace}/${name} ${word}: ${why}`);
}

/** The Secret as it was last seen. Throws a `secretError` when there is none, or nobody knows. Never logged. */
export function volumeSecret(
  reference: Omit<Reference, 'volume'>,
  word: 'err' | 'error',
  objects: ObjectLookup,
): Secret {
  const { namespace, name } = reference;
  const found = objects.get('Secret', namespace, name);
  if (found.state === 'absent') throw secretError(reference, word, `secrets "${name}" not found`);
  if (found.state === 'unknown') throw secretError(reference, word, `failed to sync secret cache: ${found.reason}`);
  return found.object;
}
