import { KubeletError } from '../../lib/errors.ts';
import { NOTHING_TO_UPDATE, type VolumeKind, type VolumeType } from '../volumeType.ts';

/** A kind that this program knows of and cannot mount. Not retryable: only another version of the program changes that. */
export function unsupportedVolume(kind: VolumeKind): VolumeType {
  return {
    plugin: `kubernetes.io/${kind.toLowerCase()}`,
    references: () => [],
    mount: async () => {
      throw new KubeletError(`volume type ${kind} is not yet supported by kubelet-ts`, { code: 'UnsupportedVolume' });
    },
    update: async () => NOTHING_TO_UPDATE,
  };
}
