import type { Volume } from '../../types/k8s.ts';
import { csiVolume } from '../csi/inline.ts';
import type { VolumeKind, VolumeType } from '../volumeType.ts';
import { configMapVolume } from './configMap.ts';
import { downwardAPIVolume } from './downwardAPI.ts';
import { emptyDirVolume } from './emptyDir.ts';
import { gitRepoVolume } from './gitRepo.ts';
import { hostPathVolume } from './hostPath.ts';
import { imageVolume } from './image.ts';
import { projectedVolume } from './projected.ts';
import { secretVolume } from './secret.ts';
import { unknownVolume, unsupportedVolume } from './unsupported.ts';

/** Every kind of volume. A kind that the API gains does not compile until it is listed here. */
export const volumeTypes: Record<VolumeKind, VolumeType> = {
  awsElasticBlockStore: unsupportedVolume('awsElasticBlockStore'),
  azureDisk: unsupportedVolume('azureDisk'),
  azureFile: unsupportedVolume('azureFile'),
  cephfs: unsupportedVolume('cephfs'),
  cinder: unsupportedVolume('cinder'),
  configMap: configMapVolume,
  csi: csiVolume,
  downwardAPI: downwardAPIVolume,
  emptyDir: emptyDirVolume,
  ephemeral: unsupportedVolume('ephemeral'),
  fc: unsupportedVolume('fc'),
  flexVolume: unsupportedVolume('flexVolume'),
  flocker: unsupportedVolume('flocker'),
  gcePersistentDisk: unsupportedVolume('gcePersistentDisk'),
  gitRepo: gitRepoVolume,
  glusterfs: unsupportedVolume('glusterfs'),
  hostPath: hostPathVolume,
  image: imageVolume,
  iscsi: unsupportedVolume('iscsi'),
  nfs: unsupportedVolume('nfs'),
  persistentVolumeClaim: unsupportedVolume('persistentVolumeClaim'),
  photonPersistentDisk: unsupportedVolume('photonPersistentDisk'),
  portworxVolume: unsupportedVolume('portworxVolume'),
  projected: projectedVolume,
  quobyte: unsupportedVolume('quobyte'),
  rbd: unsupportedVolume('rbd'),
  scaleIO: unsupportedVolume('scaleIO'),
  secret: secretVolume,
  storageos: unsupportedVolume('storageos'),
  vsphereVolume: unsupportedVolume('vsphereVolume'),
};

/**
 * The type of a volume. Without any source it is an emptyDir, as the API defaults it; with one that this version does not know, of a
 * newer API server, it is none of ours and cannot be mounted: the Pod must not find an empty directory in place of its data.
 */
export function volumeType(volume: Volume): VolumeType {
  const kinds = Object.entries(volume).flatMap(([key, value]) => (key === 'name' || value == null ? [] : [key]));
  const known = kinds.find((kind) => Object.hasOwn(volumeTypes, kind)) as VolumeKind | undefined;
  if (known) return volumeTypes[known];
  return kinds[0] === undefined ? volumeTypes.emptyDir : unknownVolume(kinds[0]);
}
