import type { PersistentVolumeSpec } from '../../../types/k8s.ts';
import { PayloadError } from '../../rules/payload.ts';
import { asCsi, migratedSources } from './migration.ts';

const ofPv = (spec: PersistentVolumeSpec, meta: object = {}) =>
  asCsi({ name: 'pv', pv: { metadata: { name: 'pv', ...meta }, spec }, readOnly: false, mode: 'Filesystem' }, 'shop')
    .pv!.spec!;
const ofPod = (source: object) =>
  asCsi({ name: 'data', inline: { name: 'data', ...source }, readOnly: true, mode: 'Filesystem' }, 'shop');

test('a driver’s own volume, and one of another kind, stay as they are', () => {
  const csi = { driver: 'd', volumeHandle: 'h' };
  expect(ofPv({ csi })).toEqual({ csi });
  expect(ofPv({ hostPath: { path: '/x' } })).toEqual({ hostPath: { path: '/x' } });
});

test.each([
  ['vol-1', 'vol-1'],
  ['aws://us-east-1a/vol-0123', 'vol-0123'],
  ['aws:///vol-0123', 'vol-0123'],
])('EBS: %s is %s', (volumeID, volumeHandle) => {
  const common = { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, mountOptions: ['noatime'] };
  expect(ofPv({ ...common, awsElasticBlockStore: { volumeID, fsType: 'xfs', partition: 2 } })).toEqual({
    ...common,
    csi: {
      driver: 'ebs.csi.aws.com',
      volumeHandle,
      readOnly: false,
      fsType: 'xfs',
      volumeAttributes: { partition: '2' },
    },
  });
});

test.each([
  [{}, 'zones/UNSPECIFIED'],
  [{ 'topology.kubernetes.io/zone': 'us-central1-a' }, 'zones/us-central1-a'],
  [{ 'failure-domain.beta.kubernetes.io/zone': 'us-central1-a__us-central1-b' }, 'regions/us-central1'],
])('GCE disks: %j is %s', (labels, place) => {
  expect(ofPv({ gcePersistentDisk: { pdName: 'd' } }, { labels }).csi).toMatchObject({
    driver: 'pd.csi.storage.gke.io',
    volumeHandle: `projects/UNSPECIFIED/${place}/disks/d`,
    volumeAttributes: { partition: '' },
  });
});

test.each([
  [['ReadWriteMany'], ['ReadWriteOnce']],
  [['ReadOnlyMany', 'ReadWriteOnce'], ['ReadWriteOnce']],
  [['ReadOnlyMany'], ['ReadOnlyMany']],
  [undefined, undefined],
])('GCE modes: %j are %j', (accessModes, become) => {
  expect(ofPv({ ...(accessModes ? { accessModes } : {}), gcePersistentDisk: { pdName: 'd' } }).accessModes).toEqual(
    become,
  );
});

test('Azure files: a handle of five parts, and the Secret to stage with', () => {
  const azureFile = { secretName: 'azure-storage-account-acc-secret', shareName: 'share' };
  const claimRef = { namespace: 'shop', name: 'claim' };
  const annotations = { 'kubernetes.io/azure-file-resource-group': 'rg' };
  expect(ofPv({ claimRef, azureFile }, { annotations }).csi).toEqual({
    driver: 'file.csi.azure.com',
    volumeHandle: 'rg#acc#share#pv#shop',
    readOnly: false,
    volumeAttributes: { sharename: 'share' },
    nodeStageSecretRef: { name: 'azure-storage-account-acc-secret', namespace: 'shop' },
  });
  expect(() => ofPv({ azureFile })).toThrow('could not find a secret namespace');
  expect(ofPod({ azureFile: { secretName: 'plain', shareName: 'share' } }).pv!.spec).toMatchObject({
    accessModes: ['ReadWriteMany'],
    csi: { volumeHandle: '#plain#share#data#shop' },
  });
});

test('Azure disks, Cinder, vSphere, Portworx', () => {
  const azureDisk = { diskName: 'd', diskURI: '/uri', fsType: 'xfs', cachingMode: 'None', kind: 'Managed' };
  expect(ofPv({ azureDisk }).csi).toEqual({
    driver: 'disk.csi.azure.com',
    volumeHandle: '/uri',
    readOnly: false,
    fsType: 'xfs',
    volumeAttributes: { kind: 'Managed', cachingmode: 'None', fstype: 'xfs' },
  });
  expect(ofPv({ cinder: { volumeID: 'c' } }).csi).toMatchObject({
    driver: 'cinder.csi.openstack.org',
    volumeHandle: 'c',
  });
  expect(ofPv({ vsphereVolume: { volumePath: '[ds] x', storagePolicyName: 'gold' } }).csi).toMatchObject({
    volumeHandle: '[ds] x',
    volumeAttributes: { storagepolicyname: 'gold' },
  });
  const annotations = { 'openstorage.io/auth-secret-name': 's', 'openstorage.io/auth-secret-namespace': 'n' };
  expect(ofPv({ portworxVolume: { volumeID: 'p' } }, { annotations }).csi).toMatchObject({
    nodeStageSecretRef: { name: 's', namespace: 'n' },
    nodePublishSecretRef: { name: 's', namespace: 'n' },
  });
});

test('what no driver can take is refused', () => {
  expect(() => ofPv({ awsElasticBlockStore: { volumeID: 'aws://zone/disk-1' } })).toThrow(PayloadError);
  expect(() => ofPv({ azureDisk: { diskName: 'd', diskURI: 'u', kind: 'Shared' } })).toThrow(
    'kind(Shared) is not supported',
  );
  const labels = { 'topology.kubernetes.io/zone': 'us-a-1__eu-b-1' };
  expect(() => ofPv({ gcePersistentDisk: { pdName: 'd' } }, { labels })).toThrow('multiple or no regions');
});

test('a source in a Pod becomes a volume for one node', () => {
  const { inline, pv, readOnly, name } = ofPod({ awsElasticBlockStore: { volumeID: 'vol-1' } });
  expect([inline, readOnly, name, pv!.spec!.accessModes]).toEqual([undefined, true, 'data', ['ReadWriteOnce']]);
});

test('every source that the CSINode says is migrated is', () => expect(migratedSources).toHaveLength(7));
