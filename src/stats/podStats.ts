import type {
  ContainerStatsOut,
  CpuUsageOut,
  IoUsageOut,
  MemoryUsageOut,
  NetworkUsageOut,
  PodSandboxStatsOut,
  SwapUsageOut,
} from '../cri/generated/runtime.ts';
import type { Rates } from './rates.ts';
import {
  apiTime,
  type ContainerStats,
  type CpuStats,
  criTime,
  type IoStats,
  known,
  type MemoryStats,
  type NetworkStats,
  type PodStats,
  psiOf,
  type SwapStats,
} from './shapes.ts';

/** What the agent knows of a Pod besides the runtime's numbers. */
export interface PodFigures {
  readonly startedMs: number;
  /** Start of each running container by id, wall ms. */
  readonly containers: Readonly<
    Record<string, { readonly startedMs: number; readonly memoryLimit: number | undefined }>
  >;
}

/** One Pod from the runtime's statistics of its sandbox; containers that are not running are left out. */
export function podStats(stats: PodSandboxStatsOut, figures: PodFigures, rates: Rates, nowMs: number): PodStats {
  const { name = '', namespace = '', uid = '' } = stats.attributes?.metadata ?? {};
  const { linux } = stats;
  const containers = (linux?.containers ?? []).flatMap((c) => {
    const facts = figures.containers[c.attributes?.id ?? ''];
    return facts ? [containerStats(c, facts, rates, nowMs)] : [];
  });
  const count = linux?.process?.processCount;
  const swap = sumSwap(containers, nowMs);
  return {
    podRef: { name, namespace, uid },
    startTime: apiTime(figures.startedMs),
    containers,
    ...optional('cpu', linux?.cpu && cpuStats(linux.cpu, `pod/${uid}`, rates, nowMs)),
    ...optional('memory', linux?.memory && memoryStats(linux.memory, undefined, nowMs)),
    ...optional('io', linux?.io && ioStats(linux.io, nowMs)),
    ...optional('network', linux?.network && networkStats(linux.network, nowMs)),
    ...optional('process_stats', count && { process_count: Number(count.value) }),
    ...optional('swap', swap),
  };
}

function containerStats(
  stats: ContainerStatsOut,
  facts: { readonly startedMs: number; readonly memoryLimit: number | undefined },
  rates: Rates,
  nowMs: number,
): ContainerStats {
  const { id = '', metadata } = stats.attributes ?? {};
  const layer = stats.writableLayer;
  return {
    name: metadata?.name ?? '',
    startTime: apiTime(facts.startedMs),
    ...optional('cpu', stats.cpu && cpuStats(stats.cpu, `container/${id}`, rates, nowMs)),
    ...optional('memory', stats.memory && memoryStats(stats.memory, facts.memoryLimit, nowMs)),
    ...optional('io', stats.io && ioStats(stats.io, nowMs)),
    ...optional('swap', stats.swap && swapStats(stats.swap, nowMs)),
    ...optional(
      'rootfs',
      layer && {
        time: criTime(layer.timestamp, nowMs),
        ...known({ usedBytes: layer.usedBytes, inodesUsed: layer.inodesUsed }),
      },
    ),
  };
}

function cpuStats(cpu: CpuUsageOut, key: string, rates: Rates, nowMs: number): CpuStats {
  const total = cpu.usageCoreNanoSeconds ? Number(cpu.usageCoreNanoSeconds.value) : undefined;
  const computed = total === undefined ? undefined : rates.nanoCores(key, total, nowMs);
  return {
    time: criTime(cpu.timestamp, nowMs),
    ...known({ usageNanoCores: cpu.usageNanoCores ?? computed, usageCoreNanoSeconds: total }),
    ...psiOf(cpu.psi),
  };
}

function memoryStats(memory: MemoryUsageOut, limit: number | undefined, nowMs: number): MemoryStats {
  const { usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults } = memory;
  // Without a limit there is nothing to be short of; runtimes then say the largest number there is.
  const given = memory.availableBytes ? Number(memory.availableBytes.value) : undefined;
  const computed = limit === undefined || !workingSetBytes ? undefined : limit - Number(workingSetBytes.value);
  const available = computed ?? (given !== undefined && given > 0 && given < 2 ** 60 ? given : undefined);
  return {
    time: criTime(memory.timestamp, nowMs),
    ...known({ availableBytes: available, usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults }),
    ...psiOf(memory.psi),
  };
}

function ioStats(io: IoUsageOut, nowMs: number): IoStats {
  return { time: criTime(io.timestamp, nowMs), ...psiOf(io.psi) };
}

function swapStats({ timestamp, swapAvailableBytes, swapUsageBytes }: SwapUsageOut, nowMs: number): SwapStats {
  return { time: criTime(timestamp, nowMs), ...known({ swapAvailableBytes, swapUsageBytes }) };
}

function sumSwap(containers: readonly ContainerStats[], nowMs: number): SwapStats | undefined {
  const all = containers.flatMap((c) => (c.swap ? [c.swap] : []));
  if (all.length === 0) return undefined;
  const sum = (of: (s: SwapStats) => number | undefined) => all.reduce((total, s) => total + (of(s) ?? 0), 0);
  return {
    time: apiTime(nowMs),
    swapAvailableBytes: sum((s) => s.swapAvailableBytes),
    swapUsageBytes: sum((s) => s.swapUsageBytes),
  };
}

function networkStats(network: NetworkUsageOut, nowMs: number): NetworkStats | undefined {
  const one = (i: NonNullable<NetworkUsageOut['defaultInterface']>) => {
    const { rxBytes, rxErrors, txBytes, txErrors } = i;
    return { name: i.name, ...known({ rxBytes, rxErrors, txBytes, txErrors }) };
  };
  const first = network.defaultInterface;
  if (!first) return undefined;
  const others = network.interfaces.filter((i) => i.name !== first.name);
  return { time: criTime(network.timestamp, nowMs), ...one(first), interfaces: [first, ...others].map(one) };
}

/** A field that is there only when it has a value. */
function optional<K extends string, V>(name: K, value: V | null | undefined): Partial<Record<K, V>> {
  return (value === null || value === undefined ? {} : { [name]: value }) as Partial<Record<K, V>>;
}
