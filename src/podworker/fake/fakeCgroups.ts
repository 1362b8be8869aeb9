import { podConfig } from '../../cgroups/rules/podConfig.ts';
import type { AllocatedPod, Pod } from '../../types/k8s.ts';
import { limitsOf } from '../actions/podLimits.ts';
import type { Services } from '../actions/services.ts';
import type { FakeWorld } from './fakeNode.ts';

const uidOf = (pod: Pod): string => pod.metadata?.uid ?? '';

/** Pods' cgroups of that world: limits without anything to hold. */
export function fakeCgroups(world: FakeWorld): Services['cgroups'] {
  const wanted = (pod: AllocatedPod) =>
    podConfig(pod, { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: -1 });
  const found = (pod: Pod) => {
    const limits = world.podCgroups.get(uidOf(pod));
    if (!limits) throw new Error('there is no such cgroup');
    return limits;
  };
  return {
    parent: (pod) => `/kubepods/pod${uidOf(pod)}`,
    ensure: async (pod, keep) => {
      const known = world.podCgroups.get(uidOf(pod));
      if (known && keep) return { limits: known, kept: true };
      const limits = limitsOf(wanted(pod));
      world.podCgroups.set(uidOf(pod), limits);
      return { limits, kept: false };
    },
    wanted,
    limits: async (pod) => found(pod),
    apply: async (pod, config) => {
      world.onCgroupWrite(uidOf(pod), config);
      const { memory = Number.POSITIVE_INFINITY } = config;
      if (memory < (world.memoryUsed.get(uidOf(pod)) ?? 0)) throw new Error('EBUSY: device or resource busy, write');
      const { hugePages: _, pids: _pids, ...limits } = config;
      world.podCgroups.set(uidOf(pod), { ...found(pod), ...limits });
    },
    memoryUsage: async (pod) => world.memoryUsed.get(uidOf(pod)) ?? 0,
    remove: async (pod) => void world.podCgroups.delete(uidOf(pod)),
  };
}
