import { LinuxError } from '../lib/linux/linuxError.ts';
import type { ActualLimits, CgroupManager } from './contract.ts';
import type { CgroupName } from './rules/names.ts';
import type { ResourceConfig } from './rules/resourceConfig.ts';

/** What the kernel takes for a period when nothing is set. */
const DEFAULT_PERIOD = 100_000;

/**
 * cgroupsPerQOS: false. Neither Pods nor QoS classes have cgroups, and the runtime puts containers where it likes (an empty cgroup_parent).
 * What a Pod's cgroup would hold is kept in memory, so that a resize has something to go by. Other cgroups are the manager's.
 */
export function withoutPodCgroups(manager: CgroupManager): CgroupManager {
  const held = new Map<string, ResourceConfig>();
  const keyOf = (name: CgroupName) => name.join('/');
  const nothing = async () => {};
  const podCgroup: CgroupManager['podCgroup'] = (pod) => ({ ...manager.podCgroup(pod), cgroupParent: '' });
  return {
    ...manager,
    setUpNode: nothing,
    podCgroup,
    ensurePod: async (pod, exclusiveCPUs) => {
      const own = podCgroup(pod);
      held.set(keyOf(own.name), manager.podConfig(pod, exclusiveCPUs));
      return own;
    },
    apply: async (name, config) => {
      const before = held.get(keyOf(name));
      if (before) held.set(keyOf(name), { ...before, ...config });
      else await manager.apply(name, config);
    },
    reduceCpu: nothing,
    updateQos: nothing,
    refreshQos: nothing,
    destroy: async (name) => void held.delete(keyOf(name)),
    listPods: async () => [],
    memoryUsage: async (name) => (held.has(keyOf(name)) ? 0 : manager.memoryUsage(name)),
    readLimits: async (name) => {
      const config = held.get(keyOf(name));
      if (!config) throw new LinuxError('open', 2, keyOf(name));
      return limitsOf(config);
    },
  };
}

function limitsOf({ cpuShares = 0, cpuQuota, cpuPeriod = DEFAULT_PERIOD, memory }: ResourceConfig): ActualLimits {
  return { cpuShares, cpuQuota: cpuQuota || -1, cpuPeriod, ...(memory && { memory }) };
}
