import { KubeletError } from '../../lib/errors.ts';
import type { MountedVolume } from '../contract.ts';
import { ensureMount, ensureOpenDirectory } from '../directories.ts';
import { volumePath } from '../paths.ts';
import { memoryVolumeSize } from '../rules/emptyDirSize.ts';
import { hugePageSize, isHugePagesMedium } from '../rules/hugePages.ts';
import { ensureTmpfs } from '../tmpfs.ts';
import { NOTHING_TO_UPDATE, type VolumeTask, type VolumeType } from '../volumeType.ts';

const PLUGIN = 'kubernetes.io/empty-dir';

/** Scratch space that lives as long as the Pod: on disk, in memory, or on huge pages. A volume without any source is one, too. */
export const emptyDirVolume: VolumeType = {
  plugin: PLUGIN,
  references: () => [],
  mount: async (task) => {
    const { medium = '', sizeLimit } = task.volume.emptyDir ?? {};
    const path = volumePath(task.host.root, task.pod.metadata.uid, PLUGIN, task.volume.name);
    const group = task.pod.spec.securityContext?.fsGroup;
    const mounted: MountedVolume = {
      name: task.volume.name,
      hostPath: path,
      digest: '',
      tmpfs: medium === 'Memory',
      seLinuxRelabel: true,
    };
    if (medium === '') await ensureOpenDirectory(path, group, task.signal);
    else if (medium === 'Memory') {
      const size = memoryVolumeSize(task.pod, sizeLimit, task.context.nodeAllocatable);
      await ensureTmpfs(task.host, { path, size, group });
    } else if (isHugePagesMedium(medium)) await ensureHugePages(task, path, medium, group);
    else throw new KubeletError(`unknown storage medium "${medium}"`, { code: 'EmptyDir' });
    return mounted;
  },
  update: async () => NOTHING_TO_UPDATE,
};

async function ensureHugePages(
  task: VolumeTask,
  path: string,
  medium: string,
  group: number | undefined,
): Promise<void> {
  const options = [`pagesize=${hugePageSize(medium, task.pod.spec)}`];
  // The Go kubelet changes mode and group after the mount; as options they hold from the first moment.
  options.push(group === undefined ? 'mode=0777' : `mode=2777,gid=${group}`);
  await ensureMount(task.host.mounter, path, () =>
    task.host.mounter.mount({ source: 'nodev', target: path, fsType: 'hugetlbfs', data: options.join(',') }),
  );
}
