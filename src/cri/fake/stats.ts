// Resource usage in the fake runtime: small, steady numbers for everything that runs.
import type { ContainerStats, PodSandboxStats } from '../generated/runtime.ts';
import type { RuntimeHandlers } from './handlers.ts';
import type { FakeContainer, FakeSandbox, World } from './world.ts';
import { selected } from './world.ts';

/** What the fake reports for one container; tests may change it per id. */
export interface FakeUsage {
  cpuNanoSeconds: number;
  memoryBytes: number;
  writableLayerBytes: number;
}

const DEFAULT_USAGE: FakeUsage = { cpuNanoSeconds: 5_000_000, memoryBytes: 1_048_576, writableLayerBytes: 4096 };

/** The RPCs about usage; `usage` overrides the numbers by container id. */
export function statsHandlers(world: World, usage: Map<string, Partial<FakeUsage>>): RuntimeHandlers {
  const container = (c: FakeContainer) => containerStats(world, c, { ...DEFAULT_USAGE, ...usage.get(c.id) });
  const sandbox = (s: FakeSandbox): PodSandboxStats => {
    const { metadata, labels, annotations } = s.config;
    const containers = running(world).filter((c) => c.sandboxId === s.id);
    return {
      attributes: { id: s.id, metadata, labels, annotations },
      linux: { containers: containers.map(container) },
    };
  };
  return {
    ContainerStats: ({ containerId }) => ({ stats: container(world.container(containerId)) }),
    ListContainerStats: ({ filter }) => ({
      stats: running(world)
        .filter((c) => !filter?.id || filter.id === c.id)
        .filter((c) => !filter?.podSandboxId || filter.podSandboxId === c.sandboxId)
        .filter((c) => selected(c.config.labels, filter?.labelSelector))
        .map(container),
    }),
    PodSandboxStats: ({ podSandboxId }) => ({ stats: sandbox(world.sandbox(podSandboxId)) }),
    ListPodSandboxStats: ({ filter }) => ({
      stats: [...world.sandboxes.values()]
        .filter((s) => s.ready && (!filter?.id || filter.id === s.id))
        .filter((s) => selected(s.config.labels, filter?.labelSelector))
        .map(sandbox),
    }),
    ListMetricDescriptors: () => ({ descriptors: [] }),
    ListPodSandboxMetrics: () => ({ podMetrics: [] }),
  };
}

function running(world: World): FakeContainer[] {
  return [...world.containers.values()].filter((c) => c.state === 'CONTAINER_RUNNING');
}

function containerStats(world: World, c: FakeContainer, usage: FakeUsage): ContainerStats {
  const timestamp = world.now();
  const { metadata, labels, annotations } = c.config;
  return {
    attributes: { id: c.id, metadata, labels, annotations },
    cpu: { timestamp, usageCoreNanoSeconds: { value: usage.cpuNanoSeconds } },
    memory: { timestamp, workingSetBytes: { value: usage.memoryBytes } },
    writableLayer: {
      timestamp,
      fsId: { mountpoint: '/var/lib/fake/snapshots' },
      usedBytes: { value: usage.writableLayerBytes },
      inodesUsed: { value: 1 },
    },
  };
}
