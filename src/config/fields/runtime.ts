import { bool, duration, float, int32, int64, object, optional, str, strings } from '../schema.ts';
import { supported } from './checks.ts';

const IDS_UNIT = 65536;

/** The environment of Pods: cgroups, CPU, memory, processes, network. */
export const runtimeFields = {
  cgroupDriver: str('cgroupfs', 'Driver of cgroups when the runtime does not say which', {
    ...supported,
    oneOf: ['cgroupfs', 'systemd'],
    zeroIsUnset: true,
  }),
  cgroupRoot: str('', "Cgroup above all Pods'; empty means the root", supported),
  cgroupsPerQOS: bool(true, 'Make a cgroup for each QoS class and Pod', supported),
  kubeletCgroups: str('', 'Cgroup that the kubelet moves itself to: not done, it stays where it was started', {
    support: 'different',
  }),
  systemCgroups: str('', 'Cgroup of the machine’s other processes: in statistics; no process is moved', {
    support: 'different',
  }),
  failCgroupV1: bool(true, 'Refuse to start on cgroup v1', supported),
  singleProcessOOMKill: bool(
    undefined as boolean | undefined,
    'Kill one process of a container, not all, when out of memory',
    supported,
  ),
  cpuCFSQuota: bool(true, 'Enforce CPU limits', supported),
  cpuCFSQuotaPeriod: duration(100, 'Period in which CPU limits are enforced', { ...supported, min: 1, max: 1000 }),
  podPidsLimit: int64(-1, 'Processes of one Pod; -1 means no limit', supported),
  oomScoreAdj: int32(-999, 'oom_score_adj of the kubelet', { ...supported, min: -1000, max: 1000 }),
  maxOpenFiles: int64(1_000_000, 'Files that the kubelet may have open', { ...supported, min: 0, zeroIsUnset: true }),
  seccompDefault: bool(false, 'Use the seccomp profile RuntimeDefault where a Pod names none', supported),
  allowedUnsafeSysctls: strings([], 'Unsafe sysctls that Pods may set; a * at the end matches any rest', supported),
  protectKernelDefaults: bool(false, 'Refuse to start when kernel settings differ instead of changing them', supported),
  failSwapOn: bool(true, 'Refuse to start when swap is on', supported),
  memorySwap: object(
    {
      swapBehavior: str('', 'Swap for containers; empty means NoSwap', {
        ...supported,
        oneOf: ['', 'NoSwap', 'LimitedSwap'],
      }),
    },
    'Swap',
  ),
  memoryThrottlingFactor: float(
    0.9,
    'Share of the way from request to limit at which memory is throttled (MemoryQoS, cgroup v2)',
    {
      ...supported,
      check: (v) => (v > 0 && v <= 1 ? undefined : 'must be greater than 0 and at most 1.0'),
    },
  ),
  memoryReservationPolicy: str('None', 'Whether memory.min and memory.low are set (MemoryQoS, cgroup v2)', {
    ...supported,
    oneOf: ['None', 'TieredReservation'],
    zeroIsUnset: true,
  }),
  userNamespaces: optional(
    {
      idsPerPod: int64(IDS_UNIT, 'User and group ids of one Pod with hostUsers: false', {
        ...supported,
        check: idsPerPod,
      }),
    },
    'User namespaces',
  ),
  hairpinMode: str('promiscuous-bridge', 'Hairpin NAT; the CNI plugin decides', {
    support: 'no-effect',
    oneOf: ['promiscuous-bridge', 'hairpin-veth', 'none'],
    zeroIsUnset: true,
  }),
  makeIPTablesUtilChains: bool(true, 'Make the iptables hint chain of the kubelet', supported),
  iptablesMasqueradeBit: int32(14, 'Kept for old configuration files', { support: 'no-effect', min: 0, max: 31 }),
  iptablesDropBit: int32(15, 'Kept for old configuration files', { support: 'no-effect', min: 0, max: 31 }),
} as const;

function idsPerPod(value: number): string | undefined {
  if (value < IDS_UNIT || value > 2 ** 32 - 1) return `must be between ${IDS_UNIT} and ${2 ** 32 - 1}`;
  return value % IDS_UNIT === 0 ? undefined : `must be a multiple of ${IDS_UNIT}`;
}
