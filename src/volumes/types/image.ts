import { NOTHING_TO_UPDATE, type VolumeType } from '../volumeType.ts';

/** An OCI image as a read-only volume. The runtime mounts it (CRI Mount.image); the image is pulled like a container's. */
export const imageVolume: VolumeType = {
  plugin: 'kubernetes.io/image',
  references: () => [],
  mount: async ({ volume }) => ({ name: volume.name, hostPath: '', readOnly: true, digest: '', tmpfs: false }),
  update: async () => NOTHING_TO_UPDATE,
};
