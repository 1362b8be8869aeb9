import { readFile } from 'node:fs/promises';
import { pidLimit } from '../lib/linux/pidLimit.ts';
import { psiOfText } from './psiText.ts';
import type { CpuStats, IoStats, MemoryStats, NetworkStats, Psi, SwapStats } from './shapes.ts';

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const NANOS_PER_JIFFY = 10_000_000; // USER_HZ is 100 on every Linux that Kubernetes runs on

/** The whole machine's CPU time and pressure. */
export async function nodeCpu(time: string, rate: (total: number) => number | undefined): Promise<CpuStats> {
  const line = (await read('/proc/stat')).split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  const total = (user + nice + system + irq + softirq + steal) * NANOS_PER_JIFFY;
  const usageNanoCores = rate(total);
  const psi = await pressure('cpu');
  return {
    time,
    ...(usageNanoCores === undefined ? {} : { usageNanoCores }),
    usageCoreNanoSeconds: total,
    ...(psi ? { psi } : {}),
  };
}

/** Memory of the machine: the working set is what is used, but for file pages that nobody used lately. */
export async function nodeMemory(time: string): Promise<{ readonly memory: MemoryStats; readonly swap: SwapStats }> {
  const info = kilobytes(await read('/proc/meminfo'));
  const vm = new Map((await read('/proc/vmstat')).split('\n').map((l) => l.split(' ') as [string, string]));
  const total = info.get('MemTotal') ?? 0;
  const usage = total - (info.get('MemFree') ?? 0);
  const workingSet = Math.max(0, usage - (info.get('Inactive(file)') ?? 0));
  const psi = await pressure('memory');
  const swapFree = info.get('SwapFree') ?? 0;
  return {
    memory: {
      time,
      availableBytes: Math.max(0, total - workingSet),
      usageBytes: usage,
      workingSetBytes: workingSet,
      rssBytes: info.get('AnonPages') ?? 0,
      pageFaults: Number(vm.get('pgfault') ?? 0),
      majorPageFaults: Number(vm.get('pgmajfault') ?? 0),
      ...(psi ? { psi } : {}),
    },
    swap: { time, swapAvailableBytes: swapFree, swapUsageBytes: (info.get('SwapTotal') ?? 0) - swapFree },
  };
}

/** Bytes of memory that there are, and what of them nobody could give back; undefined when the kernel does not say. */
export async function machineMemory(): Promise<{ readonly total: number; readonly workingSet: number } | undefined> {
  const info = kilobytes(await read('/proc/meminfo'));
  const [total, free] = [info.get('MemTotal'), info.get('MemFree')];
  if (total === undefined || free === undefined) return undefined;
  return { total, workingSet: Math.max(0, total - free - (info.get('Inactive(file)') ?? 0)) };
}

export async function nodeIo(time: string): Promise<IoStats | undefined> {
  const psi = await pressure('io');
  return psi && { time, psi };
}

/** The machine's network: the interface of the default route first, and all of them. */
export async function nodeNetwork(time: string): Promise<NetworkStats | undefined> {
  return networkOf(await read('/proc/net/dev'), await read('/proc/net/route'), time);
}

/** The same out of the kernel's two files; without a default route the first interface stands for all. */
export function networkOf(dev: string, route: string, time: string): NetworkStats | undefined {
  const interfaces = dev
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [name, ...numbers] = line.replace(':', ' ').trim().split(/\s+/);
      if (!name || name === 'lo') return [];
      const [rxBytes = 0, , rxErrors = 0, , , , , , txBytes = 0, , txErrors = 0] = numbers.map(Number);
      return [{ name, rxBytes, rxErrors, txBytes, txErrors }];
    });
  const routes = route.split('\n').slice(1);
  const main = routes.map((r) => r.split('\t')).find(([, destination]) => destination === '00000000')?.[0];
  const first = interfaces.find((i) => i.name === main) ?? interfaces[0];
  return first && { time, ...first, interfaces };
}

/** Processes (threads, as the kernel counts) and the most there may be. */
export async function nodeProcesses(time: string) {
  const [limit = 0, load] = await Promise.all([pidLimit(), read('/proc/loadavg')]);
  const current = /\/(\d+)/.exec(load)?.[1];
  return { time, maxpid: limit, curproc: Number(current ?? 0) };
}

/** When the machine was started, wall ms. */
export async function bootTime(nowMs: number): Promise<number> {
  const seconds = /^btime (\d+)$/m.exec(await read('/proc/stat'))?.[1];
  return seconds ? Number(seconds) * 1000 : nowMs;
}

async function pressure(resource: 'cpu' | 'memory' | 'io'): Promise<Psi | undefined> {
  return psiOfText(await read(`/proc/pressure/${resource}`));
}

function kilobytes(meminfo: string): Map<string, number> {
  const rows = [...meminfo.matchAll(/^(\S+):\s+(\d+) kB$/gm)];
  return new Map(rows.map(([, name = '', value]) => [name, Number(value) * 1024]));
}
