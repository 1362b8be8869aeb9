import type { Volume } from '../../types/k8s.ts';
import { csiVolume } from '../csi/inline.ts';
import type { VolumeKind, VolumeType } from '../volumeType.ts';
import { configMapVolume } from './configMap.ts';
import { downwardAPIVolume } from './downwardAPI.ts';
import { emptyDirVolume } from './emptyDir.ts';
import { gitRepoVolume } from './gitRepo.ts';
import { hostPathVolume } from './hostPath.ts';
import { imageVolume } from './image.ts';
import { claimedVolume, inlineVolume } from './persistent.ts';
import { projectedVolume } from './projected.ts';
import { secretVolume } from './secret.ts';
import { unknownVolume } from './unknown.ts';

/** Every kind of volume. A kind that the API gains does not compile until it is listed here. */
export const volumeTypes: Record<VolumeKind, VolumeType> = {
  awsElasticBlockStore: inlineVolume(),
  azureDisk: inlineVolume(),
  azureFile: inlineVolume(),
  cephfs: inlineVolume(),
  cinder: inlineVolume(),
  configMap: configMapVolume,
  csi: csiVolume,
  downwardAPI: downwardAPIVolume,
  emptyDir: emptyDirVolume,
  ephemeral: claimedVolume,
  fc: inlineVolume((volume) => volume.fc?.readOnly),
  flexVolume: inlineVolume((volume) => volume.flexVolume?.readOnly),
  flocker: inlineVolume(),
  gcePersistentDisk: inlineVolume(),
  gitRepo: gitRepoVolume,
  glusterfs: inlineVolume(),
  hostPath: hostPathVolume,
  image: imageVolume,
  iscsi: inlineVolume((volume) => volume.iscsi?.readOnly),
  nfs: inlineVolume((volume) => volume.nfs?.readOnly),
  persistentVolumeClaim: claimedVolume,
  photonPersistentDisk: inlineVolume(),
  portworxVolume: inlineVolume(),
  projected: projectedVolume,
  quobyte: inlineVolume(),
  rbd: inlineVolume(),
  scaleIO: inlineVolume(),
  secret: secretVolume,
  storageos: inlineVolume(),
  vsphereVolume: inlineVolume(),
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
