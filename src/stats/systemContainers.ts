import { readFile } from 'node:fs/promises';
import type { CgroupFigures } from './cadvisor/cgroupFigures.ts';
import type { CgroupReader } from './cadvisor/cgroupReader.ts';
import type { Rates } from './rates.ts';
import { apiTime, type ContainerStats } from './shapes.ts';

/** Cgroups of what runs beside the Pods' containers, by the API's names; absent ones are not reported. */
export interface SystemCgroups {
  readonly kubelet?: string;
  readonly runtime?: string;
  readonly misc?: string;
  readonly pods?: string;
}

const START = Date.now() - performance.now();

/** node.systemContainers of the summary. */
export function systemContainers(
  cgroups: SystemCgroups,
  reader: CgroupReader,
  rates: Rates,
  nowMs: number,
): ContainerStats[] {
  return (['kubelet', 'runtime', 'misc', 'pods'] as const).flatMap((name) => {
    const path = cgroups[name];
    const found = path === undefined ? undefined : reader.figures(path);
    if (path !== undefined && found) {
      const started = name === 'kubelet' ? START : (reader.createdMs(path) ?? nowMs);
      return [systemContainer(name, found, started, rates, nowMs)];
    }
    return name === 'kubelet' ? [ownProcess(rates, nowMs)] : [];
  });
}

function systemContainer(
  name: string,
  { cpu, memory, ioPsi }: CgroupFigures,
  startedMs: number,
  rates: Rates,
  nowMs: number,
): ContainerStats {
  const time = apiTime(nowMs);
  const nanoCores = cpu && rates.nanoCores(`system/${name}`, cpu.total, nowMs);
  const swap = memory && { swapUsageBytes: memory.swap };
  return {
    name,
    startTime: apiTime(startedMs),
    ...(cpu
      ? { cpu: { time, usageCoreNanoSeconds: cpu.total, ...optional({ usageNanoCores: nanoCores, psi: cpu.psi }) } }
      : {}),
    ...(memory
      ? {
          memory: {
            time,
            ...optional({
              availableBytes: memory.limit > 0 ? Math.max(0, memory.limit - memory.workingSet) : undefined,
            }),
            usageBytes: memory.usage,
            workingSetBytes: memory.workingSet,
            rssBytes: memory.rss,
            pageFaults: memory.pageFaults,
            majorPageFaults: memory.majorPageFaults,
            ...optional({ psi: memory.psi }),
          },
        }
      : {}),
    ...(ioPsi ? { io: { time, psi: ioPsi } } : {}),
    ...(swap ? { swap: { time, ...swap } } : {}),
  };
}

/** Where this process shares its cgroup with others: its own figures. */
function ownProcess(rates: Rates, nowMs: number): ContainerStats {
  const time = apiTime(nowMs);
  const { user, system } = process.cpuUsage();
  const { minorPageFault, majorPageFault } = process.resourceUsage();
  const total = (user + system) * 1000;
  const rss = process.memoryUsage.rss();
  return {
    name: 'kubelet',
    startTime: apiTime(START),
    cpu: {
      time,
      usageCoreNanoSeconds: total,
      ...optional({ usageNanoCores: rates.nanoCores('kubelet', total, nowMs) }),
    },
    memory: {
      time,
      usageBytes: rss,
      workingSetBytes: rss,
      rssBytes: rss,
      pageFaults: minorPageFault + majorPageFault,
      majorPageFaults: majorPageFault,
    },
  };
}

/** The cgroup of this process; undefined where it is the root, which is the whole machine's, or differs between controllers. */
export async function ownCgroup(proc = '/proc'): Promise<string | undefined> {
  return ownCgroupOf(await readFile(`${proc}/self/cgroup`, 'utf8').catch(() => ''));
}

/** Parses /proc/self/cgroup. */
export function ownCgroupOf(text: string): string | undefined {
  const lines = text.split('\n').flatMap((line) => (line.includes(':') ? [line.split(':')] : []));
  const of = (controller: string) =>
    lines
      .find(([, names = '']) => names.split(',').includes(controller))
      ?.slice(2)
      .join(':');
  const [cpu, memory] = [of('cpu') ?? of(''), of('memory') ?? of('')];
  return cpu === memory && cpu !== '/' ? cpu : undefined;
}

function optional<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
