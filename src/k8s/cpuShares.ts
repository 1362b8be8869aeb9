// CPU amounts in the kernel’s terms (kubelet MilliCPUToShares, MilliCPUToQuota, SharesToMilliCPU).

/** The least weight that the kernel takes, and what a request of nothing is. */
export const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const SHARES_PER_CPU = 1024;
const MIN_QUOTA = 1000;

/** CFS shares for a request in thousandths of a core: 1024 for a core, clamped to [2, 262144]. */
export function cpuShares(milliCPU: number): number {
  const shares = Math.floor((milliCPU * SHARES_PER_CPU) / 1000);
  return Math.min(Math.max(shares, MIN_SHARES), MAX_SHARES);
}

/** Thousandths of a core that shares stand for, rounded up: the inverse of cpuShares. */
export function milliOfShares(shares: number): number {
  return shares < MIN_SHARES ? 0 : Math.ceil((shares * 1000) / SHARES_PER_CPU);
}

/** CFS quota in microseconds of each period (microseconds too) for a limit in thousandths of a core; 0 for no limit. */
export function cpuQuota(milliCPU: number, period: number): number {
  if (milliCPU === 0) return 0;
  return Math.max(Math.floor((milliCPU * period) / 1000), MIN_QUOTA);
}
