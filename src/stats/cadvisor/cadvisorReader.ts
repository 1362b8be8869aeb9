import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ContainerStatsOut } from '../../cri/generated/runtime.ts';
import type { ServedPods } from '../../pods/served.ts';
import { fileSystem } from '../diskUsage.ts';
import { nodeMemory } from '../nodeReaders.ts';
import { prometheusText } from '../prometheusText.ts';
import { apiTime } from '../shapes.ts';
import { cadvisorText } from './cadvisorText.ts';
import type { CgroupFigures, MemoryFigures } from './cgroupFigures.ts';
import type { CgroupReader } from './cgroupReader.ts';
import { diskIoOf } from './diskIo.ts';
import { type CgroupPlaces, nodeIdentities, podIdentities } from './identities.ts';
import { type MachineFigures, machineText } from './machineText.ts';
import { interfaceFigures, processFigures } from './processFigures.ts';
import type { CgroupIdentity, CgroupReading, DiskFigures } from './reading.ts';

export interface CadvisorOptions {
  readonly reader: CgroupReader;
  readonly places: CgroupPlaces;
  readonly pods: Pick<ServedPods, 'all'>;
  readonly machine: MachineFigures;
  readonly rootDir: string;
  readonly wall: () => number;
  /** What the runtime knows of containers' disks. */
  containerStats(): Promise<readonly ContainerStatsOut[]>;
}

/** The answer of /metrics/cadvisor, read from the kernel when somebody asks, in pieces. */
export async function* cadvisorMetrics(options: CadvisorOptions): AsyncGenerator<string> {
  yield await machineText(options.machine, options.wall());
  let failed = 0;
  const layers = await options.containerStats().catch(() => {
    failed = 1;
    return [];
  });
  const disks = new Map(layers.map((stats) => [stats.attributes?.id ?? '', layerOf(stats)]));
  const readings: CgroupReading[] = [];
  for (const identity of identities(options)) {
    const reading = await readOne(identity, options, disks.get(identity.name) ?? []);
    if (reading) readings.push(reading);
    await nextTurn();
  }
  yield* cadvisorText(readings);
  const help = '1 if some of the numbers could not be read';
  yield prometheusText({ name: 'container_scrape_error', help, type: 'gauge' }, [{ labels: {}, value: failed }]);
}

function* identities({ places, pods, reader }: CadvisorOptions): Generator<CgroupIdentity> {
  yield* nodeIdentities(places);
  for (const served of pods.all()) yield* podIdentities(served, places, reader);
}

async function readOne(
  identity: CgroupIdentity,
  options: CadvisorOptions,
  disks: readonly DiskFigures[],
): Promise<CgroupReading | undefined> {
  const { reader, wall } = options;
  const found = reader.figures(identity.path);
  if (!found) return undefined;
  const isRoot = identity.path === '/';
  const pids = identity.processes ? reader.pids(identity.path) : [];
  const namespace = isRoot ? 'self' : pids[0];
  return {
    identity,
    atMs: wall(),
    startedMs: identity.startedMs ?? reader.createdMs(identity.path) ?? wall(),
    figures: isRoot ? await wholeMachine(found, wall()) : found,
    ...(identity.processes ? { processes: await processFigures(pids) } : {}),
    ...(identity.network && namespace !== undefined ? { interfaces: interfaceFigures(namespace) } : {}),
    disks: isRoot ? await rootDisk(options.rootDir, wall()) : disks,
  };
}

/** v2 counts no memory at its root: the machine's own figures stand in. */
async function wholeMachine(figures: CgroupFigures, nowMs: number): Promise<CgroupFigures> {
  if (figures.memory) return figures;
  const { memory, swap } = await nodeMemory(apiTime(nowMs));
  const none = { failures: 0, kernel: 0, mapped: 0, oomKills: 0, limit: 0, swapLimit: 0, reservation: 0 };
  const usage = memory.usageBytes ?? 0;
  const workingSet = memory.workingSetBytes ?? 0;
  const whole: MemoryFigures = {
    ...none,
    usage,
    workingSet,
    maxUsage: usage,
    cache: 0,
    rss: memory.rssBytes ?? 0,
    swap: swap.swapUsageBytes ?? 0,
    activeFile: 0,
    inactiveFile: usage - workingSet,
    pageFaults: memory.pageFaults ?? 0,
    majorPageFaults: memory.majorPageFaults ?? 0,
    psi: memory.psi,
  };
  return { ...figures, memory: whole };
}

async function rootDisk(rootDir: string, nowMs: number): Promise<DiskFigures[]> {
  const fs = await fileSystem(rootDir, nowMs);
  if (!fs) return [];
  const { usedBytes = 0, capacityBytes = 0, inodes = 0, inodesFree = 0 } = fs;
  const io = await diskIoOf(rootDir);
  return [{ device: rootDir, usedBytes, limitBytes: capacityBytes, inodes, inodesFree, io }];
}

/** The runtime says what a container wrote, and on which file system. */
function layerOf({ writableLayer }: ContainerStatsOut): DiskFigures[] {
  if (!writableLayer?.usedBytes) return [];
  return [{ device: writableLayer.fsId?.mountpoint ?? '', usedBytes: Number(writableLayer.usedBytes.value) }];
}
