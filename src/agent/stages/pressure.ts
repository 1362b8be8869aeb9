import { cgroupPath, nodeCgroup } from '../../cgroups/rules/names.ts';
import { evictionMetrics } from '../../node/eviction/evictionMetrics.ts';
import { Evictor } from '../../node/eviction/evictor.ts';
import { explainNode } from '../../node/eviction/explain.ts';
import { watchMemoryEvents } from '../../node/eviction/memoryEvents.ts';
import { NodeReader } from '../../node/eviction/nodeReader.ts';
import { PodMeasures } from '../../node/eviction/podMeasures.ts';
import { PressureKeeper } from '../../node/eviction/pressureKeeper.ts';
import { Reclaimer } from '../../node/eviction/reclaimer.ts';
import { evictionSettings } from '../../node/eviction/settings.ts';
import { type ServedPods, servedPods } from '../../pods/served.ts';
import { type CgroupMounts, findCgroupMounts } from '../../stats/cadvisor/cgroupMounts.ts';
import { CgroupUse } from '../../stats/cgroupUse.ts';
import { StorageFigures } from '../../stats/storage.ts';
import type { Collectors } from './collectors.ts';
import type { CsiStage } from './csi.ts';
import type { NodeStage } from './node.ts';
import type { PodStage } from './pods.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** The owner of the node's pressure, and what it shares with those who tell of the node. */
export interface PressureStage {
  readonly keeper: PressureKeeper;
  readonly served: ServedPods;
  readonly storage: StorageFigures;
  readonly mounts: CgroupMounts;
  /** What the node is short of. */
  explain(): Promise<{ readonly text: string; readonly json: object }>;
}

/** Looks at the node's pressure from now on. No Pod is ended for it before every source has reported. */
export async function openPressure(
  base: Base,
  { cri }: Runtime,
  { cgroups, node, pressure, events }: NodeStage,
  pods: PodStage,
  csi: CsiStage,
  collectors: Collectors,
  stack: AsyncDisposableStack,
): Promise<PressureStage> {
  const { loaded, clock, log, table, rootDir, metrics } = base;
  const { config, options } = loaded;
  const settings = evictionSettings(config, options);
  const served = servedPods(table, pods.mirrors);
  const has = (uid: string) => table.has(uid);
  const storage = stack.use(
    new StorageFigures({ clock, maxAgeMs: config.volumeStatsAggPeriod, has, drivers: csi.figures }),
  );
  const mounts = await findCgroupMounts();
  const use = new CgroupUse(mounts);
  const podsCgroup = cgroupPath(nodeCgroup(config.cgroupRoot), cgroups.driver);
  const reader = new NodeReader({ rootDir, runtime: cri, cgroups: use, podsCgroup, clock });
  const measures = new PodMeasures({
    ...{ runtime: cri, cgroups: use, storage, rootDir },
    podCgroup: ({ pod }) => (pod ? cgroups.podCgroup(pod).path : undefined),
    wall: () => clock.now().wall,
  });
  const evictor = stack.use(
    new Evictor({
      ...{ table, measures, clock, log },
      pods: () => served.all(),
      metrics: evictionMetrics(metrics.metrics),
      onEvent: ({ pod, ...subject }, event) => events.pod(pod, subject, event),
      maxGraceSeconds: settings.maxGraceSeconds,
    }),
  );
  const reclaimer = new Reclaimer({
    remove: {
      containers: (signal) => collectors.dead.removeAllDeadContainers(signal),
      images: async (signal) => (await collectors.images.deleteUnusedImages(signal)).images,
    },
    ...{ clock, log },
  });
  const keeper = stack.use(
    new PressureKeeper({
      ...{ settings, pressure, evictor, reclaimer, clock, log },
      read: () => reader.read(),
      onEvent: (event) => events.node(event),
    }),
  );
  const memoryEvents = use.version === 2 ? use.memoryFile(podsCgroup, 'memory.events') : undefined;
  if (config.kernelMemcgNotification && memoryEvents !== undefined)
    stack.use(watchMemoryEvents(memoryEvents, () => keeper.wake()));
  await keeper.start();
  return {
    ...{ keeper, served, storage, mounts },
    explain: () => explainNode({ nodeName: node.name, pressure, keeper, evictor, clock }),
  };
}
