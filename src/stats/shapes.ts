// The shapes of stats/v1alpha1, as far as they are filled. Absent means unknown.
import type { PsiStatsOut, UInt64ValueOut } from '../cri/generated/runtime.ts';

export interface PsiData {
  readonly total: number;
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}
export interface Psi {
  readonly full: PsiData;
  readonly some: PsiData;
}
export interface CpuStats {
  readonly time: string;
  readonly usageNanoCores?: number;
  readonly usageCoreNanoSeconds?: number;
  readonly psi?: Psi;
}
export interface MemoryStats {
  readonly time: string;
  readonly availableBytes?: number;
  readonly usageBytes?: number;
  readonly workingSetBytes?: number;
  readonly rssBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
  readonly psi?: Psi;
}
export interface IoStats {
  readonly time: string;
  readonly psi?: Psi;
}
export interface FsStats {
  readonly time: string;
  readonly availableBytes?: number;
  readonly capacityBytes?: number;
  readonly usedBytes?: number;
  readonly inodesFree?: number;
  readonly inodes?: number;
  readonly inodesUsed?: number;
}
export interface SwapStats {
  readonly time: string;
  readonly swapAvailableBytes?: number;
  readonly swapUsageBytes?: number;
}
export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes?: number;
  readonly rxErrors?: number;
  readonly txBytes?: number;
  readonly txErrors?: number;
}
export interface NetworkStats extends InterfaceStats {
  readonly time: string;
  readonly interfaces: readonly InterfaceStats[];
}
export interface ContainerStats {
  readonly name: string;
  readonly startTime: string;
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly io?: IoStats;
  readonly rootfs?: FsStats;
  readonly logs?: FsStats;
  readonly swap?: SwapStats;
}
export interface VolumeStats extends FsStats {
  readonly name: string;
  readonly pvcRef?: { readonly name: string; readonly namespace: string };
}
export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: string;
  readonly containers: readonly ContainerStats[];
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly io?: IoStats;
  readonly network?: NetworkStats;
  readonly volume?: readonly VolumeStats[];
  readonly 'ephemeral-storage'?: FsStats;
  readonly process_stats?: { readonly process_count?: number };
  readonly swap?: SwapStats;
}
export interface NodeStats {
  readonly nodeName: string;
  readonly systemContainers: readonly ContainerStats[];
  readonly startTime: string;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly io?: IoStats;
  readonly network?: NetworkStats;
  readonly fs?: FsStats;
  readonly runtime?: { readonly imageFs?: FsStats; readonly containerFs?: FsStats };
  readonly rlimit?: { readonly time: string; readonly maxpid?: number; readonly curproc?: number };
  readonly swap?: SwapStats;
}

/**
 * A time in RFC 3339 with its milliseconds, UTC: a rate is wrong by as much as its samples' times are. What is served as an API object
 * has whole seconds (`wholeSeconds`).
 */
export const apiTime = (ms: number): string => new Date(ms).toISOString();

/** A reviver's counterpart for JSON.stringify: times as the API has them, in whole seconds. */
export function wholeSeconds(key: string, value: unknown): unknown {
  return (key === 'time' || key === 'startTime') && typeof value === 'string' ? value.replace(/\.\d+Z$/, 'Z') : value;
}

/** CRI's nanoseconds since the epoch in that form; `nowMs` where the runtime does not say. */
export function criTime(ns: string | undefined, nowMs: number): string {
  return apiTime(ns && ns !== '0' ? Number(BigInt(ns) / 1_000_000n) : nowMs);
}

/** An object of those numbers that are known. CRI wraps them so that 0 and unknown differ. */
export function known<K extends string>(values: Readonly<Record<K, UInt64ValueOut | number | null | undefined>>) {
  const out: Partial<Record<K, number>> = {};
  for (const [name, value] of Object.entries(values) as [K, UInt64ValueOut | number | null | undefined][]) {
    if (value === null || value === undefined) continue;
    out[name] = typeof value === 'number' ? value : Number(value.value);
  }
  return out;
}

/** Pressure as the API has it; absent without the kernel's PSI. */
export function psiOf(psi: PsiStatsOut | null | undefined): { psi?: Psi } {
  if (!psi?.Full || !psi.Some) return {};
  const data = (d: NonNullable<PsiStatsOut['Full']>): PsiData => ({
    total: Number(d.Total),
    avg10: d.Avg10,
    avg60: d.Avg60,
    avg300: d.Avg300,
  });
  return { psi: { full: data(psi.Full), some: data(psi.Some) } };
}
