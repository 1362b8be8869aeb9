import { goQuote } from '../../k8s/goText.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, StoredPod, Volume } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import { PayloadError, type Reference } from './payload.ts';

const PROTECTION = 'kubernetes.io/pvc-protection';

/** The claim that a Pod's volume is made of; undefined for volumes of other kinds. KEP-1698: a generic ephemeral one is named after both. */
export function claimName(pod: Pick<Pod, 'metadata'>, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? `${pod.metadata?.name}-${volume.name}` : undefined;
}

/** The claim, and the volume that it is bound to once that is known. */
export function claimReferences(pod: StoredPod, volume: Volume, objects: ObjectLookup): Reference[] {
  const { namespace } = pod.metadata;
  const name = claimName(pod, volume)!;
  const common = { optional: false, volume: volume.name };
  const claim: Reference = { kind: 'PersistentVolumeClaim', namespace, name, ...common };
  const found = objects.get('PersistentVolumeClaim', namespace, name);
  const bound = found.state === 'present' ? found.object.spec?.volumeName : undefined;
  return bound ? [claim, { kind: 'PersistentVolume', namespace: '', name: bound, ...common }] : [claim];
}

/**
 * What is behind the claim, or a PayloadError with kubelet's sentence on why the Pod cannot have it now.
 */
export function resolveClaim(pod: StoredPod, volume: Volume, objects: ObjectLookup): VolumeSpec {
  const { namespace } = pod.metadata;
  const name = claimName(pod, volume)!;
  const [, volumeReference] = claimReferences(pod, volume, objects);
  const refuse = (message: string) => new PayloadError(`error processing PVC ${namespace}/${name}: ${message}`);
  const found = objects.get('PersistentVolumeClaim', namespace, name);
  if (found.state !== 'present') {
    const why = found.state === 'absent' ? `persistentvolumeclaims ${goQuote(name)} not found` : found.reason;
    throw refuse(`failed to fetch PVC from API server: ${why}`);
  }
  const claim = found.object;
  // Protected, it waits for the Pods that use it; without that, they are not to start any more.
  if (claim.metadata?.deletionTimestamp && !claim.metadata.finalizers?.includes(PROTECTION))
    throw refuse('PVC is being deleted');
  if (claim.status?.phase !== 'Bound') throw refuse('PVC is not bound');
  const bound = claim.spec?.volumeName;
  if (!bound || !volumeReference) throw refuse('PVC has empty pvc.Spec.VolumeName');
  const owner = claim.metadata?.ownerReferences?.find((one) => one.controller);
  if (volume.ephemeral && owner?.uid !== pod.metadata.uid)
    throw new PayloadError(
      `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`,
    );
  const pv = boundVolume(claim, bound, objects, refuse);
  const mode = pv.spec?.volumeMode === 'Block' ? 'Block' : 'Filesystem';
  refuseOtherUse(pod, volume.name, mode);
  return { name: bound, pv, claim, readOnly: volume.persistentVolumeClaim?.readOnly ?? false, mode };
}

/** The PersistentVolume of that name, which must name the claim as well. */
function boundVolume(
  claim: PersistentVolumeClaim,
  bound: string,
  objects: ObjectLookup,
  refuse: (message: string) => PayloadError,
): PersistentVolume {
  const pv = objects.get('PersistentVolume', '', bound);
  if (pv.state !== 'present') {
    const why = pv.state === 'absent' ? `persistentvolumes ${goQuote(bound)} not found` : pv.reason;
    throw refuse(`failed to fetch PV ${bound} from API server: ${why}`);
  }
  const { claimRef } = pv.object.spec ?? {};
  if (!claimRef)
    throw refuse(
      `found PV object ${bound} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    );
  if (claimRef.uid !== claim.metadata?.uid)
    throw refuse(
      `found PV object ${bound} but its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ''} does not point to claim.UID ${claim.metadata?.uid}`,
    );
  return pv.object;
}

/** A file system is no device, and the other way round. */
function refuseOtherUse(pod: StoredPod, name: string, mode: VolumeSpec['mode']): void {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec;
  const all = [...initContainers, ...containers, ...ephemeralContainers];
  const uses = { volumeMounts: 'Filesystem', volumeDevices: 'Block' } as const;
  for (const [field, wanted] of Object.entries(uses) as [keyof typeof uses, string][]) {
    if (mode === wanted || !all.some((c) => c[field]?.some((one) => one.name === name))) continue;
    throw new PayloadError(`volume ${name} has volumeMode ${mode}, but is specified in ${field}`);
  }
}

/** The size that the volume has and that its claim was not told of: then its file system is to grow. Undefined: nothing to do. */
export function sizeToReach(
  { pv, claim, readOnly }: VolumeSpec,
  larger: (a: string, b: string) => boolean,
): string | undefined {
  const [size, told] = [pv?.spec?.capacity?.storage, claim?.status?.capacity?.storage];
  if (readOnly || size === undefined || told === undefined) return undefined;
  return larger(String(size), String(told)) ? String(size) : undefined;
}
