import { bool, boolMap, duration, int32, int64, list, str, stringMap, strings } from '../schema.ts';
import { cpuList, supported } from './checks.ts';

/** Eviction, reservations, the managers of CPUs, memory and topology, shutdown, feature gates. */
export const resourceFields = {
  evictionHard: stringMap({}, 'Thresholds that evict at once, such as memory.available: 100Mi', supported),
  evictionSoft: stringMap({}, 'Thresholds that evict after evictionSoftGracePeriod', supported),
  evictionSoftGracePeriod: stringMap({}, 'How long a soft threshold must be crossed, by signal', supported),
  evictionPressureTransitionPeriod: duration(300_000, 'How long a pressure condition outlives its cause', {
    ...supported,
    zeroIsUnset: true,
  }),
  evictionMaxPodGracePeriod: int32(0, 'Longest grace period of a soft eviction, in seconds', supported),
  evictionMinimumReclaim: stringMap({}, 'How much more than needed is reclaimed, by signal', supported),
  mergeDefaultEvictionSettings: bool(false, 'Give signals that evictionHard leaves out their defaults', supported),
  kernelMemcgNotification: bool(false, 'Learn of memory thresholds from the kernel', supported),
  systemReserved: stringMap({}, 'Resources kept for system daemons (cpu, memory, ephemeral-storage, pid)', supported),
  kubeReserved: stringMap({}, 'Resources kept for Kubernetes daemons (cpu, memory, ephemeral-storage, pid)', supported),
  reservedSystemCPUs: str('', 'CPUs kept for the system, such as 0-3,8', { ...supported, check: cpuList }),
  systemReservedCgroup: str('', 'Cgroup that systemReserved is enforced on', supported),
  kubeReservedCgroup: str('', 'Cgroup that kubeReserved is enforced on', supported),
  enforceNodeAllocatable: strings(
    ['pods'],
    'What is enforced: none, or of pods, system-reserved, kube-reserved, …-compressible',
    supported,
  ),
  qosReserved: stringMap({}, 'Share of resources kept for higher QoS classes, such as memory: 50%', supported),
  reservedMemory: list(
    { numaNode: int32(0, 'NUMA node', { min: 0 }), limits: stringMap({}, 'Memory and huge pages kept') },
    ['numaNode', 'limits'],
    'Memory kept by NUMA node',
    supported,
  ),
  cpuManagerPolicy: str('none', 'How CPUs are given to containers', {
    ...supported,
    oneOf: ['none', 'static'],
    zeroIsUnset: true,
  }),
  cpuManagerPolicyOptions: stringMap({}, 'Options of the CPU manager', supported),
  cpuManagerReconcilePeriod: duration(10_000, 'A change of CPU sets reaches containers at once', {
    support: 'different',
    zeroIsUnset: true,
  }),
  memoryManagerPolicy: str('None', 'How memory of NUMA nodes is given to containers', {
    ...supported,
    oneOf: ['None', 'Static'],
    zeroIsUnset: true,
  }),
  topologyManagerPolicy: str('none', 'How NUMA placements are joined', {
    ...supported,
    oneOf: ['none', 'best-effort', 'restricted', 'single-numa-node'],
    zeroIsUnset: true,
  }),
  topologyManagerScope: str('container', 'What is placed as one', {
    ...supported,
    oneOf: ['container', 'pod'],
    zeroIsUnset: true,
  }),
  topologyManagerPolicyOptions: stringMap({}, 'Options of the topology manager', supported),
  shutdownGracePeriod: duration(0, 'Time for Pods at a node shutdown; 0 disables it', {
    ...supported,
    check: zeroOrSecond,
  }),
  shutdownGracePeriodCriticalPods: duration(0, 'Part of it for critical Pods', { ...supported, check: zeroOrSecond }),
  shutdownGracePeriodByPodPriority: list(
    {
      priority: int32(0, 'Priority from which the row holds'),
      shutdownGracePeriodSeconds: int64(0, 'Seconds for these Pods', { min: 0 }),
    },
    ['priority', 'shutdownGracePeriodSeconds'],
    'Time for Pods at a node shutdown, by priority',
    supported,
  ),
  featureGates: boolMap({}, 'Feature gates by name', supported),
} as const;

function zeroOrSecond(ms: number): string | undefined {
  return ms === 0 || ms >= 1000 ? undefined : 'must be either zero or at least 1s';
}
