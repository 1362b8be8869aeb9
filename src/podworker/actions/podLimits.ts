import type { CgroupManager } from '../../cgroups/contract.ts';
import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';
import type { PodCgroupLimits } from '../../pods/facts.ts';
import type { Pod } from '../../types/k8s.ts';
import type { PodCgroups } from './services.ts';

/** What the kernel takes for a period when nothing is set. */
const DEFAULT_PERIOD = 100_000;

/** The limits of Pods' cgroups, by the node's cgroup manager. */
export function podLimits(
  cgroups: Pick<CgroupManager, 'podCgroup' | 'ensurePod' | 'podConfig' | 'readLimits' | 'apply' | 'memoryUsage'>,
  /** Whether one of the Pod's containers has CPUs of its own, so that the Pod is not throttled. */
  unthrottled: (pod: Pod) => boolean = () => false,
): Pick<PodCgroups, 'ensure' | 'wanted' | 'limits' | 'apply' | 'memoryUsage'> {
  const nameOf = (pod: Pod) => cgroups.podCgroup(pod).name;
  return {
    ensure: async (pod, keep) => {
      const found = keep ? await ifThere(cgroups.readLimits(nameOf(pod))) : undefined;
      if (found) return { limits: found, kept: true };
      try {
        await cgroups.ensurePod(pod, unthrottled(pod));
      } catch (error) {
        // An agent was killed when its containers were resized and the Pod was not: more is used than it is to have. Its resize goes on.
        if (errnoCode(error) !== 'EBUSY') throw error;
        return { limits: await cgroups.readLimits(nameOf(pod)), kept: true };
      }
      return { limits: limitsOf(cgroups.podConfig(pod, unthrottled(pod))), kept: false };
    },
    wanted: (pod) => cgroups.podConfig(pod, unthrottled(pod)),
    limits: (pod) => cgroups.readLimits(nameOf(pod)),
    apply: (pod, config) => cgroups.apply(nameOf(pod), config),
    memoryUsage: (pod) => cgroups.memoryUsage(nameOf(pod)),
  };
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** How a new cgroup stands with just these limits. */
export function limitsOf({ cpuShares, cpuQuota, cpuPeriod, memory }: ResourceConfig): PodCgroupLimits {
  return {
    cpuShares: cpuShares ?? 0,
    cpuQuota: cpuQuota || -1,
    cpuPeriod: cpuPeriod ?? DEFAULT_PERIOD,
    ...(memory && { memory }),
  };
}
