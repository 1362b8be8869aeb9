import type { Variant } from '../../lib/linux/dbus/signature.ts';
import { cpuWeight } from './cpuWeight.ts';
import type { ResourceConfig } from './resourceConfig.ts';

/** systemd's "no limit". */
const INFINITY = 2n ** 64n - 1n;
/** systemd keeps quotas in whole percents of a core: 10 ms of each second. */
const QUOTA_STEP = 10_000n;
const SECOND = 1_000_000n;
/** The kernel's, in microseconds. */
const DEFAULT_PERIOD = 100_000;

type Properties = Record<string, Variant>;

/**
 * What a slice of ours is besides its limits: below its parent, with accounting so that systemd switches its controllers on, and
 * without the default dependencies, which would stop it before the containers in it at a shutdown (as in libcontainer).
 */
export function sliceProperties(unit: string, version: 1 | 2): Properties {
  const on = { signature: 'b', value: true } as const;
  const parent = parentSlice(unit);
  return {
    Description: { signature: 's', value: 'slice of Pods, made by kubelet-ts' },
    ...(parent !== undefined && { Wants: { signature: 'as', value: [parent] } }),
    DefaultDependencies: { signature: 'b', value: false },
    MemoryAccounting: on,
    CPUAccounting: on,
    [version === 2 ? 'IOAccounting' : 'BlockIOAccounting']: on,
    TasksAccounting: on,
  };
}

/**
 * The limits that systemd knows (systemd.resource-control(5)). It would write its own idea of each at the next daemon-reload, so it
 * has to know all of them; huge pages it does not know, they are written beside it. An older systemd refuses a whole request for one
 * property that is news to it, so `systemd` is its version; the control files get what it is not told.
 */
export function limitProperties(config: ResourceConfig, version: 1 | 2, systemd: number): Properties {
  const { cpuShares, memory, pids, protection = {} } = config;
  const properties: Properties = {};
  if (cpuShares) {
    if (version === 2) properties.CPUWeight = uint64(cpuWeight(cpuShares));
    else properties.CPUShares = uint64(cpuShares);
  }
  Object.assign(properties, quotaProperties(config, systemd));
  if (memory) properties[version === 2 ? 'MemoryMax' : 'MemoryLimit'] = uint64(memory);
  if (version === 2 && protection.min !== undefined) properties.MemoryMin = uint64(protection.min);
  if (version === 2 && protection.low !== undefined) properties.MemoryLow = uint64(protection.low);
  if (pids !== undefined) properties.TasksMax = uint64(pids === 0 ? 1 : pids);
  return properties;
}

/**
 * The configuration with its quota rounded up to what systemd can hold, as libcontainer does for the kubelet and for containers alike.
 * The control file gets this value too: an exact one would change at the next daemon-reload, and on cgroup v1 the kernel refuses a
 * container whose rounded quota is above its Pod's exact one.
 */
export function roundedQuota(config: ResourceConfig): ResourceConfig {
  const { cpuQuota, cpuPeriod } = config;
  if (!cpuQuota || cpuQuota < 0) return config;
  const period = BigInt(cpuPeriod || DEFAULT_PERIOD);
  const held = Number((perSecond(cpuQuota, period) * period) / SECOND);
  return held > cpuQuota ? { ...config, cpuQuota: held } : config;
}

function quotaProperties({ cpuQuota, cpuPeriod }: ResourceConfig, systemd: number): Properties {
  if (!cpuQuota && !cpuPeriod) return {};
  const period = BigInt(cpuPeriod || DEFAULT_PERIOD);
  const quota = cpuQuota && cpuQuota > 0 ? perSecond(cpuQuota, period) : INFINITY;
  return {
    ...(systemd >= 242 && { CPUQuotaPeriodUSec: { signature: 't', value: period } }),
    CPUQuotaPerSecUSec: { signature: 't', value: quota },
  };
}

/** Microseconds of each second in whole steps, rounded up: a container must not get less than its limit. */
function perSecond(quota: number, period: bigint): bigint {
  const exact = (BigInt(quota) * SECOND) / period;
  return ((exact + QUOTA_STEP - 1n) / QUOTA_STEP) * QUOTA_STEP;
}

/** The slice above by systemd's naming; undefined below the root. */
function parentSlice(unit: string): string | undefined {
  const at = unit.lastIndexOf('-');
  return at < 0 ? undefined : `${unit.slice(0, at)}.slice`;
}

/** Negative is no limit. */
function uint64(value: number): Variant {
  return { signature: 't', value: value < 0 ? INFINITY : BigInt(value) };
}
