// In-tree sources of cloud providers as volumes of the CSI drivers that took their place (KEP-625). What is written here is what the
// attach-detach controller and the provisioners write: all must come to the same handle.
import { goQuote } from '../../../k8s/goText.ts';
import type {
  CSIPersistentVolumeSource,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeSpec,
  Volume,
} from '../../../types/k8s.ts';
import type { VolumeSpec } from '../../persistent/contract.ts';
import { PayloadError } from '../../rules/payload.ts';

/** What a source became. */
interface Translated {
  readonly csi: CSIPersistentVolumeSource;
  /** For sources in a Pod, which have none of their own; and where a driver takes fewer than the in-tree plug-in did. */
  readonly accessModes?: readonly string[];
}

/** Where a source stands. */
interface Place {
  readonly meta: ObjectMeta;
  /** Absent for a source in a Pod. */
  readonly pv: PersistentVolumeSpec | undefined;
  /** Of the claim, or of the Pod. */
  readonly namespace: string;
  /** Of the PersistentVolume, or of the volume in its Pod. */
  readonly name: string;
}

type Sources = PersistentVolumeSpec & Volume;
type MigratedSource =
  | 'awsElasticBlockStore'
  | 'azureDisk'
  | 'azureFile'
  | 'cinder'
  | 'gcePersistentDisk'
  | 'portworxVolume'
  | 'vsphereVolume';

const once = ['ReadWriteOnce'];

const translations: {
  readonly [K in MigratedSource]: (source: NonNullable<Sources[K]>, place: Place) => Translated;
} = {
  awsElasticBlockStore: ({ volumeID, readOnly = false, fsType = '', partition = 0 }) => ({
    csi: {
      driver: 'ebs.csi.aws.com',
      volumeHandle: ebsHandle(volumeID),
      ...{ readOnly, fsType },
      volumeAttributes: { partition: String(partition) },
    },
  }),
  azureDisk: ({ diskURI, kind, cachingMode, fsType, readOnly = false }) => {
    if (kind !== undefined && kind.toLowerCase() !== 'managed')
      throw new PayloadError(`kind(${kind}) is not supported in csi migration`);
    return {
      csi: {
        driver: 'disk.csi.azure.com',
        volumeHandle: diskURI,
        readOnly,
        ...(fsType === undefined ? {} : { fsType }),
        volumeAttributes: {
          kind: 'Managed',
          ...(cachingMode ? { cachingmode: cachingMode } : {}),
          ...(fsType === undefined ? {} : { fstype: fsType }),
        },
      },
    };
  },
  azureFile: (source, { meta, pv, namespace, name }) => {
    const { secretName, shareName, readOnly = false } = source;
    const own = 'secretNamespace' in source ? source.secretNamespace : undefined;
    const where = own ?? (namespace || (pv ? '' : 'default'));
    if (where === '') throw new PayloadError('could not find a secret namespace in PersistentVolumeSource or ClaimRef');
    const account = /azure-storage-account-(.+)-secret/.exec(secretName)?.[1] ?? secretName;
    const group = pv ? (meta.annotations?.['kubernetes.io/azure-file-resource-group'] ?? '') : '';
    return {
      csi: {
        driver: 'file.csi.azure.com',
        volumeHandle: [group, account, shareName, name, where].join('#'),
        readOnly,
        volumeAttributes: { sharename: shareName },
        nodeStageSecretRef: { name: secretName, namespace: where },
      },
      ...(pv ? {} : { accessModes: ['ReadWriteMany'] }),
    };
  },
  cinder: ({ volumeID, readOnly = false, fsType = '' }) => ({
    csi: { driver: 'cinder.csi.openstack.org', volumeHandle: volumeID, readOnly, fsType, volumeAttributes: {} },
  }),
  gcePersistentDisk: ({ pdName, readOnly = false, fsType = '', partition = 0 }, { meta, pv }) => ({
    csi: {
      driver: 'pd.csi.storage.gke.io',
      volumeHandle: `projects/UNSPECIFIED/${pv ? gcePlace(meta) : 'zones/UNSPECIFIED'}/disks/${pdName}`,
      ...{ readOnly, fsType },
      volumeAttributes: { partition: partition === 0 ? '' : String(partition) },
    },
    ...(pv ? gceModes(pv.accessModes) : { accessModes: readOnly ? ['ReadOnlyMany'] : once }),
  }),
  portworxVolume: ({ volumeID, readOnly = false, fsType = '' }, { meta, pv }) => {
    const { 'openstorage.io/auth-secret-name': name, 'openstorage.io/auth-secret-namespace': namespace } =
      meta.annotations ?? {};
    const secret = pv && name !== undefined && namespace !== undefined ? { name, namespace } : undefined;
    return {
      csi: {
        ...{ driver: 'pxd.portworx.com', volumeHandle: volumeID, fsType, volumeAttributes: {} },
        ...(secret ? { nodeStageSecretRef: secret, nodePublishSecretRef: secret, nodeExpandSecretRef: secret } : {}),
      },
      ...(pv ? {} : { accessModes: readOnly ? ['ReadOnlyMany'] : once }),
    };
  },
  vsphereVolume: ({ volumePath, fsType = '', storagePolicyName }) => ({
    csi: {
      driver: 'csi.vsphere.vmware.com',
      volumeHandle: volumePath,
      fsType,
      volumeAttributes: { ...(storagePolicyName ? { storagepolicyname: storagePolicyName } : {}) },
    },
  }),
};

/** The sources that drivers took over. */
export const migratedSources = Object.keys(translations) as readonly MigratedSource[];

/** The volume as one of the driver that took its kind over; the same if it is one of a driver already. Throws PayloadError when it cannot be one. */
export function asCsi(spec: VolumeSpec, podNamespace: string): VolumeSpec {
  const { pv, inline } = spec;
  if (pv?.spec?.csi) return spec;
  const sources = (pv?.spec ?? inline ?? {}) as Partial<Sources>;
  const source = migratedSources.find((one) => sources[one] != null);
  if (!source) return spec;
  const place: Place = {
    meta: pv?.metadata ?? {},
    pv: pv?.spec,
    namespace: pv ? (pv.spec?.claimRef?.namespace ?? '') : podNamespace,
    name: spec.name,
  };
  const translate = translations[source] as (from: unknown, at: Place) => Translated;
  const { csi, accessModes } = translate(sources[source], place);
  const { [source]: _gone, ...kept } = (pv?.spec ?? {}) as Partial<Sources>;
  const modes = accessModes ?? (pv ? undefined : once);
  const translated: PersistentVolume = {
    ...pv,
    spec: { ...(kept as PersistentVolumeSpec), ...(modes ? { accessModes: modes } : {}), csi },
  };
  const { inline: _inline, ...rest } = spec;
  return { ...rest, pv: translated };
}

/** `aws://zone/vol-1`, or the bare id. */
function ebsHandle(id: string): string {
  if (!id.startsWith('aws://')) return id;
  const bare = id
    .slice('aws://'.length)
    .replace(/^[^/]*/, '')
    .replaceAll(/^\/+|\/+$/g, '');
  if (/^vol-[^/]*$/.test(bare)) return bare;
  const why = `failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume (${id})`;
  throw new PayloadError(why);
}

/** The zone of the disk, or the region of one that is in several. */
function gcePlace({ labels = {} }: ObjectMeta): string {
  const label = labels['failure-domain.beta.kubernetes.io/zone'] || labels['topology.kubernetes.io/zone'] || '';
  const zones = label.split('__');
  if (zones.length === 1) return `zones/${label || 'UNSPECIFIED'}`;
  const regions = new Set(
    zones.map((zone) => {
      const parts = zone.split('-');
      if (parts.length === 3) return parts.slice(0, 2).join('-');
      const why = `failed to get region from zones: zone in unexpected format, expected: {locale}-{region}-{zone}, got: ${zone}`;
      throw new PayloadError(why);
    }),
  );
  if (regions.size === 1) return `regions/${[...regions][0]}`;
  const why = `failed to get region from zones: multiple or no regions gotten from zones, got: ${[...regions].map(goQuote).join(' ')}`;
  throw new PayloadError(why);
}

/** The in-tree plug-in took modes together that no driver takes. */
function gceModes(modes: readonly string[] | undefined): Pick<Translated, 'accessModes'> {
  if (!modes) return {};
  const known = new Set(modes.map((mode) => (mode === 'ReadWriteMany' ? 'ReadWriteOnce' : mode)));
  return { accessModes: known.has('ReadOnlyMany') && !known.has('ReadWriteOnce') ? ['ReadOnlyMany'] : once };
}
