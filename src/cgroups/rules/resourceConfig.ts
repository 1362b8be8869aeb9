/** Limits of one cgroup. What is undefined is left as it is. */
export interface ResourceConfig {
  /** CFS shares, 2 to 262144; written as cpu.weight on cgroup v2. */
  readonly cpuShares?: number;
  /** Microseconds of each period; -1 is no limit. */
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly pids?: number;
  /** Bytes that are kept from being reclaimed, with cgroup v2: never (memory.min), or as long as possible (memory.low). */
  readonly protection?: { readonly min?: number; readonly low?: number };
  /** Bytes by page size in bytes. Sizes that the machine has and this does not name are limited to 0. */
  readonly hugePages?: ReadonlyMap<number, bigint>;
}

/** No limit for huge pages: what the Go kubelet writes for QoS cgroups. */
export const UNBOUNDED = 1n << 62n;
