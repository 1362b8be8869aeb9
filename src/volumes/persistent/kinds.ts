import { goQuote } from '../../k8s/goText.ts';
import { KubeletError } from '../../lib/errors.ts';
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

/** `csi` is made where the drivers are known; without it such volumes are refused. */
export function persistentKinds(csi?: PersistentKind): PersistentKinds {
  const kinds: Readonly<Record<string, PersistentKind>> = {
    hostPath: hostPathKind,
    local: localKind,
    nfs: nfsKind,
    ...(csi ? { csi } : {}),
  };
  return { all: Object.values(kinds), of: (spec) => kindOf(kinds, spec) };
}

/** Sources that this program cannot mount yet, though kubelet can. */
const notYet: Readonly<Record<string, string>> = {
  csi: 'csi',
  fc: 'fc',
  flexVolume: 'flexVolume',
  iscsi: 'iscsi',
};

/** In-tree sources that kubelet hands to a CSI driver, under the name it gives to it. */
const migrated: Readonly<Record<string, string>> = {
  awsElasticBlockStore: 'ebs.csi.aws.com',
  azureDisk: 'disk.csi.azure.com',
  azureFile: 'file.csi.azure.com',
  cinder: 'cinder.csi.openstack.org',
  gcePersistentDisk: 'pd.csi.storage.gke.io',
  portworxVolume: 'pxd.portworx.com',
  vsphereVolume: 'csi.vsphere.vmware.com',
};

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
  const driver = Object.hasOwn(migrated, source) ? migrated[source] : undefined;
  if (driver)
    throw refusal(`volume type ${source} is the CSI driver's ${driver}, and is not yet translated by kubelet-ts`);
  if (Object.hasOwn(notYet, source)) throw refusal(`volume type ${source} is not yet supported by kubelet-ts`);
  throw refusal(`failed to get Plugin from volumeSpec for volume ${goQuote(name)} err=no volume plugin matched`);
}

function refusal(message: string): KubeletError {
  return new KubeletError(message, { code: 'UnsupportedVolume' });
}
