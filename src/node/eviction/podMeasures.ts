import type { Cri } from '../../cri/client.ts';
import type { ContainerStatsOut } from '../../cri/generated/runtime.ts';
import type { ServedPod } from '../../pods/served.ts';
import type { CgroupUse } from '../../stats/cgroupUse.ts';
import { type ContainerStats, known, type PodStats } from '../../stats/shapes.ts';
import type { StorageFigures } from '../../stats/storage.ts';
import { limitNeeds } from './rules/localLimits.ts';
import { type Signal, signals } from './rules/signals.ts';

/** The runtime's statistics of all containers, at most. */
const RUNTIME_MS = 10_000;
/** How long a choice among Pods waits for walks that have not ended: who takes longer is the larger for it. */
const WALKS_MS = 8_000;
/** Cgroups that are read at one time. */
const AT_ONCE = 8;

export interface PodMeasuresOptions {
  readonly runtime: Pick<Cri, 'listContainerStats'>;
  readonly cgroups: CgroupUse;
  /** Where a Pod's cgroup is, below the mount points. */
  readonly podCgroup: (served: ServedPod) => string | undefined;
  readonly storage: StorageFigures;
  readonly rootDir: string;
  /** Wall ms. */
  readonly wall: () => number;
}

export type Measured = ReadonlyMap<string, PodStats>;

/** Measures what Pods take, only what a question needs and only when it is asked. By UID; a Pod that cannot be read is absent. */
export class PodMeasures {
  readonly #options: PodMeasuresOptions;

  constructor(options: PodMeasuresOptions) {
    this.#options = options;
  }

  /** What Pods take of a signal's resource. Rejects when the runtime does not tell what containers have written. */
  async of(signal: Signal, pods: readonly ServedPod[]): Promise<Measured> {
    switch (signals[signal].resource) {
      case 'memory':
        return this.#fromCgroups(pods, async (path) => {
          const memory = await this.#options.cgroups.memory(path);
          return memory && { memory: { time: '', workingSetBytes: memory.workingSet } };
        });
      case 'pids':
        return this.#fromCgroups(pods, async (path) => {
          const tasks = await this.#options.cgroups.tasks(path);
          return tasks === undefined ? undefined : { process_stats: { process_count: tasks } };
        });
      default:
        return this.#onDisks(pods, await this.#layers(), WALKS_MS);
    }
  }

  /** What Pods with limits of their own take of what is limited; a Pod without limits is not measured. */
  async forLimits(pods: readonly ServedPod[]): Promise<Measured> {
    const needs = pods.flatMap((served) => (served.pod ? [{ served, ...limitNeeds(served.pod) }] : []));
    const whole = needs.filter(({ containers }) => containers).map(({ served }) => served);
    const dirs = needs.filter(({ containers, volumes }) => volumes && !containers).map(({ served }) => served);
    const layers = whole.length === 0 ? [] : await this.#layers().catch(() => undefined);
    const measured = await Promise.all([
      this.#onDisks(layers ? dirs : [...dirs, ...whole], undefined),
      this.#onDisks(layers ? whole : [], layers ?? []),
    ]);
    const all = new Map(measured.flatMap((some) => [...some]));
    // Without the containers' layers a sum would be too small to say anything.
    if (!layers) for (const { uid } of whole) all.set(uid, withoutSum(all.get(uid)!));
    return all;
  }

  /** The same Pod with the memory of each container, as far as the runtime tells in time. */
  async withContainers(stats: PodStats, served: ServedPod): Promise<PodStats> {
    const sandbox = served.observed?.sandboxes[0]?.id;
    if (sandbox === undefined) return stats;
    const filter = { podSandboxId: sandbox };
    const all = await this.#options.runtime.listContainerStats(filter, { timeoutMs: 2_000 }).catch(() => []);
    return { ...stats, containers: containersOf(served, statsById(all)) };
  }

  #layers(): Promise<ContainerStatsOut[]> {
    return this.#options.runtime.listContainerStats(undefined, { timeoutMs: RUNTIME_MS });
  }

  async #fromCgroups(
    pods: readonly ServedPod[],
    read: (path: string) => Promise<Partial<PodStats> | undefined>,
  ): Promise<Measured> {
    const found = new Map<string, PodStats>();
    for (let at = 0; at < pods.length; at += AT_ONCE) {
      const some = pods.slice(at, at + AT_ONCE).map(async (served) => {
        const path = this.#options.podCgroup(served);
        const figures = path === undefined ? undefined : await read(path);
        if (figures) found.set(served.uid, { ...bare(served), ...figures });
      });
      await Promise.all(some);
    }
    return found;
  }

  async #onDisks(
    pods: readonly ServedPod[],
    layers: readonly ContainerStatsOut[] | undefined,
    walksMs?: number,
  ): Promise<Measured> {
    if (pods.length === 0) return new Map();
    const { storage, rootDir, wall } = this.#options;
    const now = wall();
    const byId = layers && statsById(layers);
    using patience = storage.patience(walksMs);
    const all = pods.map(async (served) => {
      const stats = { ...bare(served), containers: byId ? containersOf(served, byId) : [] };
      return [served.uid, await storage.complete(stats, localOnly(served), rootDir, undefined, now, patience)] as const;
    });
    return new Map(await Promise.all(all));
  }
}

function bare({ uid, namespace, name }: ServedPod): PodStats {
  return { podRef: { name, namespace, uid }, startTime: '', containers: [] };
}

/** Without volumes that lie elsewhere: a network file system may hang, and nothing of it is on the node. */
function localOnly(served: ServedPod): ServedPod {
  const { pod } = served;
  if (!pod?.spec) return served;
  const volumes = (pod.spec.volumes ?? []).filter(
    (v) => v.emptyDir ?? v.configMap ?? v.secret ?? v.downwardAPI ?? v.projected ?? v.gitRepo,
  );
  return { ...served, pod: { ...pod, spec: { ...pod.spec, volumes } } };
}

function statsById(all: readonly ContainerStatsOut[]): ReadonlyMap<string, ContainerStatsOut> {
  return new Map(all.map((stats) => [stats.attributes?.id ?? '', stats]));
}

/** The containers that run, with what the runtime says of each. */
function containersOf({ observed }: ServedPod, byId: ReadonlyMap<string, ContainerStatsOut>): ContainerStats[] {
  const running = (observed?.containers ?? []).filter(({ state }) => state === 'running');
  return running.map(({ id, name }) => {
    const { memory, writableLayer } = byId.get(id) ?? {};
    const rootfs = writableLayer && known({ usedBytes: writableLayer.usedBytes, inodesUsed: writableLayer.inodesUsed });
    return {
      name,
      startTime: '',
      ...(memory ? { memory: { time: '', ...known({ workingSetBytes: memory.workingSetBytes }) } } : {}),
      ...(rootfs ? { rootfs: { time: '', ...rootfs } } : {}),
    };
  });
}

function withoutSum({ 'ephemeral-storage': _, ...stats }: PodStats): PodStats {
  return stats;
}
