import { goQuote } from '../../k8s/goText.ts';
import { realClock } from '../../lib/clock.ts';
import { KubeletError } from '../../lib/errors.ts';
import { migratedSources } from '../csi/rules/migration.ts';
import { ScsiDevices } from '../scsi/devices.ts';
import { fcKind } from '../scsi/fcKind.ts';
import { iscsiKind } from '../scsi/iscsiKind.ts';
import type { PersistentKind, VolumeSpec } from './contract.ts';
import { hostPathKind } from './kinds/hostPath.ts';
import { localKind } from './kinds/local.ts';
import { nfsKind } from './kinds/nfs.ts';

/** The kinds of this node, by the source that a PersistentVolume or a Pod names. */
export interface PersistentKinds {
  /** Every kind that may have left something on this node's disk. */
  readonly all: readonly PersistentKind[];
  /** The kind of the volume. Throws one sentence for those that cannot be mounted here: a Pod never finds an empty directory instead. */
  of(spec: Pick<VolumeSpec, 'name' | 'pv' | 'inline'>): PersistentKind;
}

/** `csi` and `flexVolume` are made where their drivers are known; without them such volumes are refused. `isAttached`: there is a cluster that attaches. */
export function persistentKinds(csi?: PersistentKind, flexVolume?: PersistentKind, isAttached = true): PersistentKinds {
  const scsi = new ScsiDevices({ sys: '/sys', dev: '/dev' });
  const kinds: Readonly<Record<string, PersistentKind>> = {
    hostPath: hostPathKind,
    local: localKind,
    nfs: nfsKind,
    fc: fcKind(scsi, isAttached),
    iscsi: iscsiKind(scsi, realClock, isAttached),
    ...(flexVolume ? { flexVolume } : {}),
    ...(csi ? { csi, ...Object.fromEntries(migratedSources.map((source) => [source, csi])) } : {}),
  };
  return { all: [...new Set(Object.values(kinds))], of: (spec) => kindOf(kinds, spec) };
}

/** Sources of CSI drivers, which tell the cluster where their volumes are. */
const driven: ReadonlySet<string> = new Set(['csi', ...migratedSources]);

/** Fields of a PersistentVolume that are no source. */
const others = new Set([
  ...['accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity', 'persistentVolumeReclaimPolicy'],
  ...['storageClassName', 'volumeAttributesClassName', 'volumeMode', 'name'],
]);

function kindOf(
  kinds: Readonly<Record<string, PersistentKind>>,
  { name, pv, inline }: Pick<VolumeSpec, 'name' | 'pv' | 'inline'>,
): PersistentKind {
  const fields = Object.entries(pv?.spec ?? inline ?? {});
  const source = fields.find(([key, value]) => value != null && !others.has(key))?.[0] ?? '';
  if (Object.hasOwn(kinds, source)) return kinds[source]!;
  if (driven.has(source))
    throw refusal(`volume type ${source} needs an API server; this node runs without one (no --kubeconfig)`);
  throw refusal(`failed to get Plugin from volumeSpec for volume ${goQuote(name)} err=no volume plugin matched`);
}

function refusal(message: string): KubeletError {
  return new KubeletError(message, { code: 'UnsupportedVolume' });
}
