import { KubeletError } from '../../lib/errors.ts';
import { NOTHING_TO_UPDATE, type VolumeType } from '../volumeType.ts';

// The gate that the sentence names is locked to false since 1.36 (KEP-5040): the volume can only be refused.
const DISABLED =
  'git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`';

/** A clone of a git repository. Kubernetes has switched it off for good, because a clone runs hooks as root on the node. */
export const gitRepoVolume: VolumeType = {
  plugin: 'kubernetes.io/git-repo',
  references: () => [],
  mount: async () => {
    throw new KubeletError(DISABLED, { code: 'GitRepo' });
  },
  update: async () => NOTHING_TO_UPDATE,
};
