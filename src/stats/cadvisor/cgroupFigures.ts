import { psiOfText } from '../psiText.ts';
import type { Psi } from '../shapes.ts';

export interface CpuFigures {
  /** Nanoseconds. */
  readonly total: number;
  readonly user: number;
  readonly system: number;
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
  readonly burstPeriods: number;
  readonly burstNs: number;
  /** In v1's scale on both versions. */
  readonly shares: number | undefined;
  readonly period: number | undefined;
  /** Undefined without a quota. */
  readonly quota: number | undefined;
  readonly psi: Psi | undefined;
}

/** Bytes, but for the counts. */
export interface MemoryFigures {
  readonly usage: number;
  readonly workingSet: number;
  readonly maxUsage: number;
  readonly failures: number;
  readonly cache: number;
  readonly rss: number;
  readonly kernel: number;
  readonly mapped: number;
  readonly swap: number;
  readonly activeFile: number;
  readonly inactiveFile: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly oomKills: number;
  /** 0: none. */
  readonly limit: number;
  readonly swapLimit: number;
  readonly reservation: number;
  readonly psi: Psi | undefined;
}

/** What a cgroup did with one block device: operation → amount. */
export interface DeviceFigures {
  /** `major:minor`. */
  readonly device: string;
  /** `/dev/…`, where that is known. */
  readonly name?: string;
  readonly bytes: Readonly<Record<string, number>>;
  readonly operations: Readonly<Record<string, number>>;
}

/** One cgroup; what the kernel does not say is absent. */
export interface CgroupFigures {
  readonly cpu?: CpuFigures;
  readonly memory?: MemoryFigures;
  readonly threads?: number;
  /** 0: no limit. */
  readonly threadsMax?: number;
  readonly devices: readonly DeviceFigures[];
  readonly ioPsi: Psi | undefined;
}

/** The text of a control file; empty when there is none. */
export type ControlText = (controller: string, file: string) => string;

const TICK_NS = 10_000_000; // USER_HZ is 100 on every Linux that Kubernetes runs on
/** v1 writes "no limit" as a number near 2^63, v2 as `max`. */
const UNLIMITED = 2 ** 62;

/** Reads a cgroup through `text`, with the meaning that cAdvisor gives to each file (v0.56 container/libcontainer). */
export function cgroupFigures(version: 1 | 2, text: ControlText): CgroupFigures {
  return version === 2 ? figuresV2(text) : figuresV1(text);
}

function figuresV1(text: ControlText): CgroupFigures {
  const total = text('cpuacct', 'cpuacct.usage');
  const usage = text('memory', 'memory.usage_in_bytes');
  const threads = text('pids', 'pids.current');
  return {
    ...(total === '' ? {} : { cpu: cpuV1(Number(total), text) }),
    ...(usage === '' ? {} : { memory: memoryV1(Number(usage), text) }),
    ...(threads === '' ? {} : { threads: Number(threads), threadsMax: limitOf(text('pids', 'pids.max')) }),
    devices: devicesV1(text),
    ioPsi: undefined,
  };
}

function cpuV1(total: number, text: ControlText): CpuFigures {
  const ticks = table(text('cpuacct', 'cpuacct.stat'));
  const stat = table(text('cpu', 'cpu.stat'));
  const quota = Number(text('cpu', 'cpu.cfs_quota_us') || '-1');
  return {
    total,
    user: (ticks.get('user') ?? 0) * TICK_NS,
    system: (ticks.get('system') ?? 0) * TICK_NS,
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledNs: stat.get('throttled_time') ?? 0,
    burstPeriods: stat.get('nr_bursts') ?? 0,
    burstNs: stat.get('burst_time') ?? 0,
    shares: numberOf(text('cpu', 'cpu.shares')),
    period: numberOf(text('cpu', 'cpu.cfs_period_us')),
    quota: quota > 0 ? quota : undefined,
    psi: undefined,
  };
}

function memoryV1(usage: number, text: ControlText): MemoryFigures {
  const stat = table(text('memory', 'memory.stat'));
  const of = (name: string) => stat.get(`total_${name}`) ?? stat.get(name) ?? 0;
  const inactiveFile = of('inactive_file');
  return {
    usage,
    workingSet: Math.max(0, usage - inactiveFile),
    maxUsage: Number(text('memory', 'memory.max_usage_in_bytes')),
    failures: Number(text('memory', 'memory.failcnt')),
    cache: of('cache'),
    rss: of('rss'),
    kernel: Number(text('memory', 'memory.kmem.usage_in_bytes')),
    mapped: of('mapped_file'),
    swap: of('swap'),
    activeFile: of('active_file'),
    inactiveFile,
    pageFaults: of('pgfault'),
    majorPageFaults: of('pgmajfault'),
    oomKills: table(text('memory', 'memory.oom_control')).get('oom_kill') ?? 0,
    limit: limitOf(text('memory', 'memory.limit_in_bytes')),
    swapLimit: limitOf(text('memory', 'memory.memsw.limit_in_bytes')),
    reservation: limitOf(text('memory', 'memory.soft_limit_in_bytes')),
    psi: undefined,
  };
}

/** Lines `8:0 Read 4096`; the sums over all devices have no device in front. */
function devicesV1(text: ControlText): DeviceFigures[] {
  const found = new Map<string, { bytes: Record<string, number>; operations: Record<string, number> }>();
  const read = (file: string, into: 'bytes' | 'operations') => {
    const recursive = text('blkio', `${file}_recursive`) || text('blkio', file);
    for (const [, device = '', operation = '', value] of recursive.matchAll(/^(\d+:\d+) (\w+) (\d+)$/gm)) {
      const entry = found.get(device) ?? { bytes: {}, operations: {} };
      found.set(device, entry);
      entry[into][operation] = Number(value);
    }
  };
  read('blkio.throttle.io_service_bytes', 'bytes');
  read('blkio.throttle.io_serviced', 'operations');
  return [...found].map(([device, entry]) => ({ device, ...entry }));
}

function figuresV2(text: ControlText): CgroupFigures {
  const stat = text('cpu', 'cpu.stat');
  const usage = text('memory', 'memory.current');
  const threads = text('pids', 'pids.current');
  return {
    ...(stat === '' ? {} : { cpu: cpuV2(table(stat), text) }),
    ...(usage === '' ? {} : { memory: memoryV2(Number(usage), text) }),
    ...(threads === '' ? {} : { threads: Number(threads), threadsMax: limitOf(text('pids', 'pids.max')) }),
    devices: devicesV2(text('io', 'io.stat')),
    ioPsi: psiOfText(text('io', 'io.pressure')),
  };
}

function cpuV2(stat: ReadonlyMap<string, number>, text: ControlText): CpuFigures {
  const ns = (name: string) => (stat.get(name) ?? 0) * 1000;
  const [quota = '', period = ''] = text('cpu', 'cpu.max').split(' ');
  const weight = numberOf(text('cpu', 'cpu.weight'));
  return {
    total: ns('usage_usec'),
    user: ns('user_usec'),
    system: ns('system_usec'),
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledNs: ns('throttled_usec'),
    burstPeriods: stat.get('nr_bursts') ?? 0,
    burstNs: ns('burst_usec'),
    // cAdvisor's way back from 1…10000 to 2…262144; it is not the inverse of any runtime's way forth.
    shares: weight === undefined ? undefined : Math.floor(2 + ((weight - 1) * 262142) / 9999),
    period: numberOf(period),
    quota: quota === 'max' ? undefined : numberOf(quota),
    psi: psiOfText(text('cpu', 'cpu.pressure')),
  };
}

function memoryV2(usage: number, text: ControlText): MemoryFigures {
  const stat = table(text('memory', 'memory.stat'));
  const of = (name: string) => stat.get(name) ?? 0;
  return {
    usage,
    workingSet: Math.max(0, usage - of('inactive_file')),
    maxUsage: Number(text('memory', 'memory.peak')),
    failures: 0, // v2 counts no failed charges
    cache: of('file'),
    rss: of('anon'),
    kernel: of('kernel'),
    mapped: of('file_mapped'),
    swap: Number(text('memory', 'memory.swap.current')),
    activeFile: of('active_file'),
    inactiveFile: of('inactive_file'),
    pageFaults: of('pgfault'),
    majorPageFaults: of('pgmajfault'),
    oomKills: table(text('memory', 'memory.events')).get('oom_kill') ?? 0,
    limit: limitOf(text('memory', 'memory.max')),
    swapLimit: limitOf(text('memory', 'memory.swap.max')),
    reservation: limitOf(text('memory', 'memory.min')),
    psi: psiOfText(text('memory', 'memory.pressure')),
  };
}

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. */
function devicesV2(stat: string): DeviceFigures[] {
  return stat.split('\n').flatMap((line) => {
    const [device = '', ...pairs] = line.trim().split(' ');
    if (!/^\d+:\d+$/.test(device)) return [];
    const values = new Map(pairs.map((p) => p.split('=') as [string, string]));
    const of = (suffix: string) =>
      Object.fromEntries(
        [
          ['Read', `r${suffix}`],
          ['Write', `w${suffix}`],
          ['Discard', `d${suffix}`],
        ].flatMap(([name = '', key = '']) => (values.has(key) ? [[name, Number(values.get(key))]] : [])),
      );
    return [{ device, bytes: of('bytes'), operations: of('ios') }];
  });
}

/** Lines `name value`. */
function table(text: string): Map<string, number> {
  return new Map([...text.matchAll(/^(\S+) (\d+)$/gm)].map(([, name = '', value]) => [name, Number(value)]));
}

function numberOf(text: string): number | undefined {
  const value = Number(text.trim());
  return text.trim() === '' || Number.isNaN(value) ? undefined : value;
}

function limitOf(text: string): number {
  const value = numberOf(text) ?? 0;
  return value > UNLIMITED ? 0 : value;
}
