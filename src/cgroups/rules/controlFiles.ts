import { cpuWeight } from './cpuWeight.ts';
import { hugePageName } from './hugePageSize.ts';
import type { ResourceConfig } from './resourceConfig.ts';

/** Controllers that the kubelet's own cgroups use. */
export const CONTROLLERS = ['cpu', 'cpuacct', 'cpuset', 'memory', 'hugetlb', 'pids'] as const;
/** One of them. */
export type Controller = (typeof CONTROLLERS)[number];

/** One value for one control file. */
export interface ControlWrite {
  readonly controller: Controller;
  readonly file: string;
  readonly value: string;
  /** Kernels without this file do without the value. */
  readonly optional?: boolean;
  /** EINVAL may mean "not before the next write": try again after it. */
  readonly retryAfterNext?: boolean;
}

/** What to write for a configuration, in order within each controller. `pageSizes`: all huge page sizes of the machine, in bytes. */
export function controlWrites(config: ResourceConfig, version: 1 | 2, pageSizes: readonly number[]): ControlWrite[] {
  const writes = version === 1 ? cpuV1(config) : cpuV2(config);
  // As in runc 0 means "not set": a limit of zero would kill everything at once.
  if (config.memory) {
    const file = version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
    writes.push({
      controller: 'memory',
      file,
      value: config.memory === -1 && version === 2 ? 'max' : String(config.memory),
    });
  }
  if (version === 2) {
    for (const kind of ['min', 'low'] as const) {
      const bytes = config.protection?.[kind];
      if (bytes !== undefined) writes.push({ controller: 'memory', file: `memory.${kind}`, value: String(bytes) });
    }
  }
  if (config.pids !== undefined) {
    // 0 becomes 1, which in practice is the same, because systemd knows no 0.
    const value = config.pids > 0 ? String(config.pids) : config.pids === 0 ? '1' : 'max';
    writes.push({ controller: 'pids', file: 'pids.max', value });
  }
  return [...writes, ...hugePages(config, version, pageSizes)];
}

function cpuV1({ cpuShares, cpuQuota, cpuPeriod }: ResourceConfig): ControlWrite[] {
  const writes: ControlWrite[] = [];
  if (cpuShares) writes.push({ controller: 'cpu', file: 'cpu.shares', value: String(cpuShares) });
  // The kernel checks quota/period against parent and children at each write, so the order depends on the old values.
  const period = { controller: 'cpu', file: 'cpu.cfs_period_us', value: String(cpuPeriod) } as const;
  if (cpuPeriod) writes.push(cpuQuota ? { ...period, retryAfterNext: true } : period);
  if (cpuQuota) writes.push({ controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(cpuQuota) });
  return writes;
}

function cpuV2({ cpuShares, cpuQuota, cpuPeriod }: ResourceConfig): ControlWrite[] {
  const writes: ControlWrite[] = [];
  if (cpuShares) writes.push({ controller: 'cpu', file: 'cpu.weight', value: String(cpuWeight(cpuShares)) });
  if (cpuQuota || cpuPeriod) {
    const quota = cpuQuota && cpuQuota > 0 ? String(cpuQuota) : 'max';
    writes.push({ controller: 'cpu', file: 'cpu.max', value: `${quota} ${cpuPeriod || 100_000}` });
  }
  return writes;
}

function hugePages(
  { hugePages: limits }: ResourceConfig,
  version: 1 | 2,
  pageSizes: readonly number[],
): ControlWrite[] {
  if (!limits) return [];
  const suffix = version === 1 ? 'limit_in_bytes' : 'max';
  return [...new Set([...limits.keys(), ...pageSizes])].flatMap((size): ControlWrite[] => {
    const name = hugePageName(size);
    if (name === undefined) return [];
    const value = String(limits.get(size) ?? 0n);
    return [
      { controller: 'hugetlb', file: `hugetlb.${name}.${suffix}`, value },
      { controller: 'hugetlb', file: `hugetlb.${name}.rsvd.${suffix}`, value, optional: true },
    ];
  });
}
