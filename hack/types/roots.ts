const core = (...names: string[]) => names.map((name) => `io.k8s.api.core.v1.${name}`);
const api = (group: string, ...names: string[]) => names.map((name) => `io.k8s.api.${group}.${name}`);
const meta = (...names: string[]) => names.map((name) => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`);

/**
 * Generated file → the definitions it starts from. Order matters: what several roots reach lives in the first file, so the
 * parts come before the whole.
 */
export const FILES: Record<string, readonly string[]> = {
  meta: [
    ...meta(
      'ObjectMeta',
      'ListMeta',
      'Status',
      'DeleteOptions',
      'LabelSelector',
      'Condition',
      'MicroTime',
      'WatchEvent',
    ),
    'io.k8s.apimachinery.pkg.api.resource.Quantity',
    'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  ],
  volume: core('Volume'),
  container: core('Container', 'EphemeralContainer', 'ContainerStatus'),
  pod: core('Pod', 'PodList', 'Binding'),
  node: [
    ...core('Node', 'NodeList'),
    ...api('coordination.v1', 'Lease', 'LeaseList'),
    ...api('node.v1', 'RuntimeClass', 'RuntimeClassList'),
  ],
  storage: [
    ...core('PersistentVolumeClaim', 'PersistentVolumeClaimList', 'PersistentVolume', 'PersistentVolumeList'),
    ...api(
      'storage.v1',
      'VolumeAttachment',
      'VolumeAttachmentList',
      'CSINode',
      'CSINodeList',
      'CSIDriver',
      'CSIDriverList',
    ),
  ],
  auth: [
    ...api('authentication.v1', 'TokenRequest', 'TokenReview'),
    ...api('authorization.v1', 'SubjectAccessReview'),
    ...api('certificates.v1', 'CertificateSigningRequest', 'CertificateSigningRequestList'),
    ...api(
      'certificates.v1beta1',
      'ClusterTrustBundle',
      'ClusterTrustBundleList',
      'PodCertificateRequest',
      'PodCertificateRequestList',
    ),
  ],
  dra: api('resource.v1', 'ResourceClaim', 'ResourceClaimList', 'ResourceSlice', 'ResourceSliceList'),
  core: [
    ...core('ConfigMap', 'ConfigMapList', 'Secret', 'SecretList', 'Service', 'ServiceList', 'Event', 'EventList'),
    ...core('Namespace', 'NamespaceList', 'ServiceAccount', 'ServiceAccountList', 'LimitRange', 'ResourceQuota'),
    ...api('policy.v1', 'Eviction'),
  ],
};

/** Definitions whose short name is already another's: the full name and the name used here instead. */
export const RENAMED: Record<string, string> = {
  'io.k8s.api.storage.v1.TokenRequest': 'CSITokenRequest',
  'io.k8s.api.core.v1.ResourceClaim': 'ContainerResourceClaim',
};
