import { compareQuantities } from '../../k8s/quantity.ts';
import type { PersistentVolume, StoredPod, Volume } from '../../types/k8s.ts';
import type { MountedVolume, ObjectLookup } from '../contract.ts';
import type { PersistentKind, Published, VolumeSpec } from '../persistent/contract.ts';
import { type PersistentKinds, persistentKinds } from '../persistent/kinds.ts';
import { claimReferences, resolveClaim, sizeToReach } from '../rules/claim.ts';
import { PayloadError, type Reference } from '../rules/payload.ts';
import { mountedLabel, type SeLinuxHost, seLinuxVolumeLabel, type VolumeLabel } from '../rules/seLinuxLabel.ts';
import { unprocessed } from '../volumeError.ts';
import type { VolumeTask, VolumeType } from '../volumeType.ts';

const GID_ANNOTATION = 'pv.beta.kubernetes.io/gid';

/** A volume by a claim of the Pod's namespace, or by one that was made for this Pod alone (generic ephemeral, KEP-1698). */
export const claimedVolume: VolumeType = persistentType({
  references: claimReferences,
  resolve: resolveClaim,
});

/**
 * A source that may also stand in a PersistentVolume, written in the Pod itself. Sources that this program, or kubelet, cannot mount are
 * refused by the kinds in one sentence.
 */
export function inlineVolume(isReadOnly: (volume: Volume) => boolean | undefined = () => false): VolumeType {
  return persistentType({
    references: () => [],
    resolve: (_pod, volume) => ({
      name: volume.name,
      inline: volume,
      readOnly: isReadOnly(volume) ?? false,
      mode: 'Filesystem',
    }),
  });
}

interface Source {
  references(pod: StoredPod, volume: Volume, objects: ObjectLookup): Reference[];
  resolve(pod: StoredPod, volume: Volume, objects: ObjectLookup): VolumeSpec;
}

function persistentType(source: Source): VolumeType {
  return {
    plugin: 'kubernetes.io/persistent-claim',
    ownedElsewhere: true,
    references: (pod, volume, objects, kinds) => [
      ...source.references(pod, volume, objects),
      ...(kinds ? furtherReferences(source, kinds, pod, volume, objects) : []),
    ],
    mount: async (task) => {
      const { spec, published } = await have(source, task);
      return mounted(task.volume.name, spec, published);
    },
    update: async (task) => {
      const { published } = await have(source, task);
      const { refreshAt } = published;
      return { changed: false, digest: '', ...(refreshAt === undefined ? {} : { refreshAt }) };
    },
  };
}

/** Those of the kind, once it is known what kind it is. */
function furtherReferences(
  source: Source,
  kinds: PersistentKinds,
  pod: StoredPod,
  volume: Volume,
  objects: ObjectLookup,
): Reference[] {
  try {
    const spec = source.resolve(pod, volume, objects);
    const found = kinds.of(spec).references?.(spec, pod, objects) ?? [];
    return found.map((reference) => ({ ...reference, volume: volume.name }));
  } catch {
    return []; // the mount tells why
  }
}

async function have(source: Source, task: VolumeTask): Promise<{ spec: VolumeSpec; published: Published }> {
  const { host, pod, volume, context, signal, tell } = task;
  const kinds = host.persistent?.kinds ?? persistentKinds();
  let spec: VolumeSpec;
  let kind: PersistentKind;
  let identity: ReturnType<PersistentKind['identify']>;
  let label: VolumeLabel | undefined;
  try {
    spec = source.resolve(pod, volume, context.objects);
    kind = kinds.of(spec);
    if (spec.mode === 'Block' && !kind.supportsBlock) throw new PayloadError('no volume plugin matched');
    await kind.prepare?.(spec);
    identity = kind.identify(spec, pod, context.objects);
    const takesLabel = kind.seLinuxMount?.(spec, pod, context.objects) ?? false;
    if (host.seLinux) label = labelOf(task, spec, host.seLinux, takesLabel);
  } catch (error) {
    throw unprocessed(volume.name, error);
  }
  if (!host.persistent) throw new Error('volumes that outlast Pods are not looked after here');
  const size = sizeToReach(spec, (a, b) => compareQuantities(a, b) > 0);
  const asked = { ...(size === undefined ? {} : { size }), ...(label ? { label } : {}) };
  const order = { pod, spec, context, signal, seLinuxLabel: label ? mountedLabel(label) : '', ...tell, ...asked };
  const { name, mode } = spec;
  const over = new AbortController();
  const having = host.persistent.have({ ...identity, name, mode }, kind, order);
  const watch = { spec, volume: volume.name, objects: context.objects, log: host.log };
  const watching = kind.watchAttach?.({ ...watch, signal: AbortSignal.any([signal, over.signal]) });
  try {
    return { spec, published: await (watching ? Promise.race([having, watching]) : having) };
  } finally {
    over.abort();
    watching?.catch(() => {}); // it has ended with the wait
    having.catch(() => {}); // told by whoever came first
  }
}

/**
 * What is wrong with the Pod's labels is counted, and thrown where it keeps the Pod from having the volume. Several labels do so whatever the
 * kind of volume, as in kubelet. Undefined for a kind that takes none.
 */
function labelOf(
  { host, pod, volume }: VolumeTask,
  spec: VolumeSpec,
  seLinux: SeLinuxHost,
  takesLabel: boolean,
): VolumeLabel | undefined {
  const label = seLinuxVolumeLabel(pod, volume.name, spec, seLinux);
  if (!takesLabel && label.fault?.kind !== 'several') return undefined;
  if (label.fault) host.seLinuxCounts?.fault(label, label.fault.kind);
  mountedLabel(label);
  return takesLabel ? label : undefined;
}

function mounted(name: string, spec: VolumeSpec, { path, seLinuxRelabel, refreshAt }: Published): MountedVolume {
  const group = groupOf(spec.pv);
  return {
    name,
    hostPath: path,
    digest: '',
    tmpfs: false,
    ...(spec.readOnly ? { readOnly: true } : {}),
    ...(spec.mode === 'Block' ? { block: true } : {}),
    ...(seLinuxRelabel ? { seLinuxRelabel } : {}),
    ...(group === undefined ? {} : { group }),
    ...(refreshAt === undefined ? {} : { refreshAt }),
  };
}

function groupOf(pv: PersistentVolume | undefined): number | undefined {
  const text = pv?.metadata?.annotations?.[GID_ANNOTATION] ?? '';
  return /^[+-]?[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}
