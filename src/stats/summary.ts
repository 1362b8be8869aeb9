import type { Cri } from '../cri/client.ts';
import type { FilesystemUsageOut, PodSandboxStatsOut } from '../cri/generated/runtime.ts';
import { quantityNumber } from '../k8s/quantity.ts';
import { type Clock, realClock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { ServedPod, ServedPods } from '../pods/served.ts';
import { cadvisorMetrics } from './cadvisor/cadvisorReader.ts';
import type { CgroupReader } from './cadvisor/cgroupReader.ts';
import { criMetricsText } from './cadvisor/criMetrics.ts';
import type { CgroupPlaces } from './cadvisor/identities.ts';
import { type MachineFigures, machineText } from './cadvisor/machineText.ts';
import { fileSystem, type Walk } from './diskUsage.ts';
import { bootTime, nodeCpu, nodeIo, nodeMemory, nodeNetwork, nodeProcesses } from './nodeReaders.ts';
import { type PodFigures, podStats } from './podStats.ts';
import { Rates } from './rates.ts';
import { resourceText, scrapeErrorText } from './resourceText.ts';
import { apiTime, type FsStats, known, type NodeStats, type PodStats } from './shapes.ts';
import type { SummarySource } from './source.ts';
import { StorageFigures } from './storage.ts';
import { type SystemCgroups, systemContainers } from './systemContainers.ts';

export interface SummaryOptions {
  readonly nodeName: string;
  readonly rootDir: string;
  readonly runtime: Pick<
    Cri,
    'listPodSandboxStats' | 'listContainerStats' | 'imageFsInfo' | 'listMetricDescriptors' | 'listPodSandboxMetrics'
  >;
  readonly pods: ServedPods;
  readonly wall: () => number;
  readonly log: Logger;
  /** How long an answer waits for walks over volumes; the machine's clock by default. */
  readonly clock?: Clock;
  /** For tests: another way to measure a tree. */
  readonly walk?: (path: string) => Walk;
  /** volumeStatsAggPeriod. */
  readonly volumeMaxAgeMs: number;
  readonly machine: MachineFigures;
  readonly reader: CgroupReader;
  readonly places: CgroupPlaces;
  readonly system: SystemCgroups;
  /** PodAndContainerStatsFromCRI: /metrics/cadvisor comes from the runtime. */
  readonly metricsFromRuntime: boolean;
}

/** Reads node and Pods when somebody asks; nothing runs in between but walks over volumes that an answer began. Disposing ends them. */
export class SummaryReader implements SummarySource, Disposable {
  readonly #options: SummaryOptions;
  readonly #rates = new Rates();
  readonly #storage: StorageFigures;

  constructor(options: SummaryOptions) {
    this.#options = options;
    const { volumeMaxAgeMs: maxAgeMs, clock = realClock, walk, pods } = options;
    const has = (uid: string) => pods.get(uid) !== undefined;
    this.#storage = new StorageFigures({ clock, maxAgeMs, has, ...(walk ? { walk } : {}) });
    // So that the first question finds a reading to compare with.
    void this.#cpu(apiTime(options.wall()));
  }

  async summary(cpuAndMemoryOnly: boolean): Promise<object> {
    const [node, pods] = await Promise.all([this.#node(cpuAndMemoryOnly), this.#pods()]);
    if (cpuAndMemoryOnly) return { node, pods: pods.map(({ stats }) => onlyCpuAndMemory(stats)) };
    const now = this.#options.wall();
    const { rootDir } = this.#options;
    const imageFs = node.runtime?.imageFs;
    using patience = this.#storage.patience();
    const complete = await Promise.all(
      pods.map(({ stats, served }) => this.#storage.complete(stats, served, rootDir, imageFs, now, patience)),
    );
    return { node, pods: complete };
  }

  [Symbol.dispose](): void {
    this.#storage[Symbol.dispose]();
  }

  async resourceMetrics(): Promise<string> {
    const time = apiTime(this.#options.wall());
    try {
      const [cpu, { memory, swap }, pods] = await Promise.all([this.#cpu(time), nodeMemory(time), this.#pods()]);
      return resourceText(
        { cpu, memory, swap },
        pods.map(({ stats }) => stats),
      );
    } catch (error) {
      this.#options.log.error('the numbers for /metrics/resource could not be read', { error: errorMessage(error) });
      return scrapeErrorText(1);
    }
  }

  async *cadvisorMetrics(): AsyncGenerator<string> {
    const { runtime, metricsFromRuntime, ...options } = this.#options;
    if (!metricsFromRuntime) {
      yield* cadvisorMetrics({ ...options, containerStats: () => runtime.listContainerStats() });
      return;
    }
    yield await machineText(options.machine, options.wall());
    const [descriptors, pods] = await Promise.all([runtime.listMetricDescriptors(), runtime.listPodSandboxMetrics()]);
    yield* criMetricsText(descriptors, pods);
  }

  async #pods(): Promise<{ readonly stats: PodStats; readonly served: ServedPod }[]> {
    const now = this.#options.wall();
    const all = await this.#options.runtime.listPodSandboxStats();
    return all.flatMap((stats) => {
      const served = this.#options.pods.get(stats.attributes?.metadata?.uid ?? '');
      // Of a Pod with several sandboxes only the present one counts.
      if (!served || served.observed?.sandboxes[0]?.id !== stats.attributes?.id) return [];
      return [{ stats: podStats(stats as PodSandboxStatsOut, figuresOf(served), this.#rates, now), served }];
    });
  }

  #cpu(time: string) {
    return nodeCpu(time, (total) => this.#rates.nanoCores('node', total, this.#options.wall()));
  }

  async #node(brief: boolean): Promise<NodeStats> {
    const { wall, nodeName } = this.#options;
    const time = apiTime(wall());
    const [cpu, { memory, swap }, booted] = await Promise.all([this.#cpu(time), nodeMemory(time), bootTime(wall())]);
    const base = {
      nodeName,
      systemContainers: systemContainers(this.#options.system, this.#options.reader, this.#rates, wall()),
      startTime: apiTime(booted),
      cpu,
      memory,
    };
    if (brief) return base;
    const [io, network, rlimit, disks] = await Promise.all([
      nodeIo(time),
      nodeNetwork(time),
      nodeProcesses(time),
      this.#disks(),
    ]);
    return { ...base, ...(io ? { io } : {}), ...(network ? { network } : {}), ...disks, rlimit, swap };
  }

  async #disks(): Promise<Pick<NodeStats, 'fs' | 'runtime'>> {
    const now = this.#options.wall();
    const [fs, info] = await Promise.all([
      fileSystem(this.#options.rootDir, now),
      this.#options.runtime.imageFsInfo().catch(() => undefined),
    ]);
    const imageFs = await runtimeFs(info?.imageFilesystems[0], now);
    const containerFs = (await runtimeFs(info?.containerFilesystems[0], now)) ?? imageFs;
    const runtime = { ...(imageFs ? { imageFs } : {}), ...(containerFs ? { containerFs } : {}) };
    return { ...(fs ? { fs } : {}), runtime };
  }
}

/** A file system of the runtime's, with what images or containers use of it. */
async function runtimeFs(used: FilesystemUsageOut | undefined, nowMs: number): Promise<FsStats | undefined> {
  if (!used?.fsId) return undefined;
  const whole = await fileSystem(used.fsId.mountpoint, nowMs);
  return whole && { ...whole, ...known({ usedBytes: used.usedBytes }) };
}

function figuresOf({ pod, status, observed }: ServedPod): PodFigures {
  const running = observed?.containers.filter((c) => c.state === 'running') ?? [];
  const limits = new Map(
    [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])].map((c) => [
      c.name,
      c.resources?.limits?.memory,
    ]),
  );
  const entries = running.map((c) => {
    const limit = limits.get(c.name);
    return [c.id, { startedMs: c.startedAt, memoryLimit: limit === undefined ? undefined : quantityNumber(limit) }];
  });
  const started = status?.startTime ? Date.parse(status.startTime) : (observed?.sandboxes[0]?.createdAt ?? 0);
  return { startedMs: started, containers: Object.fromEntries(entries) };
}

function onlyCpuAndMemory({ podRef, startTime, containers, cpu, memory }: PodStats): PodStats {
  const brief = containers.map((c) => ({
    name: c.name,
    startTime: c.startTime,
    ...(c.cpu ? { cpu: c.cpu } : {}),
    ...(c.memory ? { memory: c.memory } : {}),
  }));
  return { podRef, startTime, containers: brief, ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) };
}
