import type { Container, Pod, Volume } from '../../types/k8s.ts';

/** Which API objects a manifest may name: none beside an API server, ConfigMaps and Secrets from files in standalone mode. */
export interface AllowedReferences {
  readonly configMapsAndSecrets: boolean;
}

/** Volumes that live without an API object. */
const FREE = new Set<string>([
  'awsElasticBlockStore',
  'azureDisk',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
]);
const BOUND: Readonly<Record<string, string>> = {
  configMap: 'configmaps (via configmap volumes)',
  secret: 'secrets (via secret volumes)',
  csi: 'csidrivers (via CSI volumes)',
  glusterfs: 'endpoints (via glusterFS volumes)',
  persistentVolumeClaim: 'persistentvolumeclaims',
  ephemeral: 'persistentvolumeclaims (via ephemeral volumes)',
  azureFile: 'secrets (via azureFile volumes)',
};
const PROJECTED: Readonly<Record<string, string>> = {
  configMap: 'configmaps (via projected volumes)',
  secret: 'secrets (via projected volumes)',
  serviceAccountToken: 'serviceaccounts (via projected volumes)',
  clusterTrustBundle: 'clustertrustbundles',
  podCertificate: 'podcertificates',
};

/**
 * The first kind of API object that a static Pod names and may not, in kubelet's words (`static pods may not reference …`); undefined
 * when there is none. Source: the rule of the gate PreventStaticPodAPIReferences.
 */
export function forbiddenReference(pod: Pod, allowed: AllowedReferences): string | undefined {
  const { spec } = pod;
  if (!spec) return undefined;
  if (spec.serviceAccountName) return 'serviceaccounts';
  const local = allowed.configMapsAndSecrets;
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const secretSomewhere =
    (spec.imagePullSecrets ?? []).some(({ name }) => name) ||
    containers.some((container) => usesObject(container, 'secret')) ||
    (spec.volumes ?? []).some(volumeSecret);
  if (!local && secretSomewhere) return 'secrets';
  const configMapSomewhere =
    containers.some((container) => usesObject(container, 'configMap')) || (spec.volumes ?? []).some(volumeConfigMap);
  if (!local && configMapSomewhere) return 'configmaps';
  if ((spec.resourceClaims ?? []).length > 0) return 'resourceclaims';
  return (spec.volumes ?? []).map((volume) => boundVolume(volume, local)).find((kind) => kind !== undefined);
}

function usesObject(container: Container, kind: 'secret' | 'configMap'): boolean {
  const fromEnv = (container.env ?? []).some(({ valueFrom }) =>
    kind === 'secret' ? valueFrom?.secretKeyRef?.name : valueFrom?.configMapKeyRef?.name,
  );
  const all = (container.envFrom ?? []).some((source) =>
    kind === 'secret' ? source.secretRef?.name : source.configMapRef?.name,
  );
  return fromEnv || all;
}

/** Secrets that volumes name, also as credentials of a storage system. */
function volumeSecret(volume: Volume): boolean {
  const refs = [
    volume.secret?.secretName,
    volume.azureFile?.secretName,
    volume.cephfs?.secretRef?.name,
    volume.cinder?.secretRef?.name,
    volume.flexVolume?.secretRef?.name,
    volume.rbd?.secretRef?.name,
    volume.scaleIO?.secretRef?.name,
    volume.iscsi?.secretRef?.name,
    volume.storageos?.secretRef?.name,
    volume.csi?.nodePublishSecretRef?.name,
    ...(volume.projected?.sources ?? []).map((source) => source.secret?.name),
  ];
  return refs.some((name) => name);
}

function volumeConfigMap(volume: Volume): boolean {
  return Boolean(volume.configMap?.name) || (volume.projected?.sources ?? []).some((source) => source.configMap?.name);
}

function boundVolume(volume: Volume, local: boolean): string | undefined {
  const isLocal = (kind: string) => local && (kind === 'configMap' || kind === 'secret');
  for (const source of volume.projected?.sources ?? []) {
    for (const kind of Object.keys(source)) if (PROJECTED[kind] && !isLocal(kind)) return PROJECTED[kind];
  }
  const kind = Object.keys(volume).find(
    (key) => key !== 'name' && key !== 'projected' && !FREE.has(key) && !isLocal(key),
  );
  return kind === undefined ? undefined : (BOUND[kind] ?? `${kind} volumes`);
}
