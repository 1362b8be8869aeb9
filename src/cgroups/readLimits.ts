import { join } from 'node:path';
import type { CgroupHost } from './applyConfig.ts';
import type { ActualLimits } from './contract.ts';
import { sharesOfWeight } from './rules/cpuWeight.ts';

/** What cgroup v1 shows when memory is not limited, or more: the largest page-aligned int64. */
const UNLIMITED_V1 = 2 ** 63 - 2 ** 16;

/** Reads the limits back from the kernel. Errors: ENOENT. */
export async function readLimits({ fs, hierarchies }: CgroupHost, path: string): Promise<ActualLimits> {
  const cpu = join(hierarchies.controllers.get('cpu') ?? hierarchies.mounts[0]!, path);
  const read = async (directory: string, file: string) => (await fs.read(join(directory, file))).trim();
  const memoryMount = hierarchies.controllers.get('memory');
  if (hierarchies.version === 1) {
    const [shares, quota, period, memory] = await Promise.all([
      read(cpu, 'cpu.shares'),
      read(cpu, 'cpu.cfs_quota_us'),
      read(cpu, 'cpu.cfs_period_us'),
      memoryMount && read(join(memoryMount, path), 'memory.limit_in_bytes'),
    ]);
    const limits = { cpuShares: Number(shares), cpuQuota: Number(quota), cpuPeriod: Number(period) };
    return memory === undefined || Number(memory) >= UNLIMITED_V1 ? limits : { ...limits, memory: Number(memory) };
  }
  const [weight, max, memory] = await Promise.all([
    read(cpu, 'cpu.weight'),
    read(cpu, 'cpu.max'),
    memoryMount && read(join(memoryMount, path), 'memory.max'),
  ]);
  const [quota, period] = max.split(' ');
  const limits = {
    cpuShares: sharesOfWeight(Number(weight)),
    cpuQuota: quota === 'max' ? -1 : Number(quota),
    cpuPeriod: Number(period),
  };
  return memory === undefined || memory === 'max' ? limits : { ...limits, memory: Number(memory) };
}

/** Bytes that are used in the cgroup and below. Errors: ENOENT. */
export async function memoryUsage({ fs, hierarchies }: CgroupHost, path: string): Promise<number> {
  const mount = hierarchies.controllers.get('memory');
  if (mount === undefined) return 0;
  const file = hierarchies.version === 1 ? 'memory.usage_in_bytes' : 'memory.current';
  return Number((await fs.read(join(mount, path, file))).trim());
}
