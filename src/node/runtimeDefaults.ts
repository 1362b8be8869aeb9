import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupManager } from '../cgroups/contract.ts';
import type { FeatureGates } from '../config/featureGates.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import { parseMountInfo } from '../lib/linux/mountInfo.ts';
import type { SpecNode } from '../podworker/spec/context.ts';
import type { MachineFacts } from './types.ts';

const cpuDirectory = '/sys/devices/system/cpu';

/** What the machine and the configuration contribute to every request to the runtime; read once at the start. */
export function runtimeDefaults(
  config: KubeletConfiguration,
  rootDir: string,
  machine: MachineFacts,
  cgroups: CgroupManager,
  gates: FeatureGates,
): SpecNode {
  return {
    cgroupVersion: cgroups.version,
    cpuCFSQuota: config.cpuCFSQuota,
    cpuCFSQuotaPeriod: config.cpuCFSQuotaPeriod * 1000,
    memoryCapacity: machine.memoryBytes,
    swapCapacity: machine.swapBytes,
    hugePageSizes: cgroups.hugePageSizes.map(pageSizeName),
    singleProcessOOMKill: config.singleProcessOOMKill ?? cgroups.version === 1,
    swapControllerAvailable: swapController(cgroups.version),
    swapBehavior: (config.memorySwap?.swapBehavior ?? '') as SpecNode['swapBehavior'],
    thermalThrottlePaths: thermalThrottlePaths(),
    seLinuxEnabled: hasSeLinux(readFileSync('/proc/self/mountinfo', 'utf8'), ownSeLinuxLabel()),
    seccompDefault: config.seccompDefault,
    seccompRoot: join(rootDir, 'seccomp'),
    podLogsRoot: config.podLogsDir.replace(/\/+$/, ''),
    ...memoryQoS(config, cgroups.qos),
    containerStopSignals: gates.enabled('ContainerStopSignals'),
  };
}

/** Set with the feature gate MemoryQoS on cgroup v2. */
function memoryQoS(config: KubeletConfiguration, qos: CgroupManager['qos']): Pick<SpecNode, 'memoryQoS'> {
  const { tieredReservation, allocatableMemory } = qos;
  if (tieredReservation === undefined) return {};
  const throttlingFactor = config.memoryThrottlingFactor;
  return { memoryQoS: { throttlingFactor, tieredReservation, allocatableMemory, pageSize: pageSize() } };
}

/** The kernel's, in bytes: AT_PAGESZ of the auxiliary vector. */
function pageSize(): number {
  const vector = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= vector.length; at += 16)
    if (vector.readBigUInt64LE(at) === 6n) return Number(vector.readBigUInt64LE(at + 8));
  return 4096;
}

/**
 * Whether files can be labelled: selinuxfs is mounted and may be written (in a container it is there to be looked at), and a policy
 * is loaded: before that every process is `kernel`.
 */
export function hasSeLinux(mountInfo: string, ownLabel: string): boolean {
  const lines = mountInfo.split('\n').filter((line) => line.includes(' - selinuxfs '));
  const mounts = parseMountInfo(lines.join('\n'));
  const isWritable = mounts.some(({ options, superOptions }) => ![...options, ...superOptions].includes('ro'));
  return isWritable && ownLabel !== 'kernel';
}

/** Empty where no security module names processes. */
function ownSeLinuxLabel(): string {
  try {
    return readFileSync('/proc/self/attr/current', 'utf8').replace(/[\0\n]+$/, '');
  } catch {
    return '';
  }
}

/** The runtime's way of writing a page size: 2MB, 1GB. */
function pageSizeName(bytes: number): string {
  const units = [
    ['GB', 2 ** 30],
    ['MB', 2 ** 20],
    ['KB', 2 ** 10],
  ] as const;
  for (const [unit, size] of units) if (bytes >= size) return `${bytes / size}${unit}`;
  return `${bytes}B`;
}

function swapController(version: 1 | 2): boolean {
  if (version === 1) return existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes');
  return existsSync(ownSwapFile(readFileSync('/proc/self/cgroup', 'utf8')));
}

/** memory.swap.max of the agent's own cgroup, by its /proc/self/cgroup: the root has none, and nothing else is sure to exist. */
export function ownSwapFile(procSelfCgroup: string): string {
  const own = procSelfCgroup.split('\n').find((line) => line.startsWith('0::')) ?? '0::/';
  return join('/sys/fs/cgroup', own.slice('0::'.length), 'memory.swap.max');
}

function thermalThrottlePaths(): string[] {
  const cpus = existsSync(cpuDirectory) ? readdirSync(cpuDirectory).filter((name) => /^cpu\d+$/.test(name)) : [];
  return cpus.map((cpu) => join(cpuDirectory, cpu, 'thermal_throttle')).filter((path) => existsSync(path));
}
