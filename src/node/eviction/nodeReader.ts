import { stat } from 'node:fs/promises';
import type { Cri } from '../../cri/client.ts';
import type { FilesystemUsageOut } from '../../cri/generated/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../plugins/deadline.ts';
import type { CgroupUse } from '../../stats/cgroupUse.ts';
import { fileSystem } from '../../stats/diskUsage.ts';
import { machineMemory, nodeProcesses } from '../../stats/nodeReaders.ts';
import type { FsFigures, NodeReadings } from './rules/observations.ts';
import type { DiskLayout } from './rules/signals.ts';

/** A file system that does not answer in this time is not known. */
const ANSWER_MS = 2_000;
/** Where the runtime keeps images and layers is asked again after this time: it changes with its configuration only. */
const PLACES_MS = 600_000;

export interface NodeReaderOptions {
  readonly rootDir: string;
  readonly runtime: Pick<Cri, 'imageFsInfo'>;
  readonly cgroups: CgroupUse;
  /** The cgroup of all Pods, below the mount points. */
  readonly podsCgroup: string;
  readonly clock: Clock;
}

/** A reading, and how the disks lie; no layout while the runtime has not told where its files are. */
export interface NodeState {
  readonly readings: NodeReadings;
  readonly layout: DiskLayout | undefined;
}

interface Places {
  readonly images: string;
  readonly containers: string;
  readonly layout: DiskLayout;
  readonly atMs: number;
}

/**
 * Reads what the signals of eviction are made of: a few files of the kernel and one statfs for each file system. What cannot be read, or
 * does not answer in time, is absent, and is not asked a second time before it has answered.
 */
export class NodeReader {
  readonly #options: NodeReaderOptions;
  readonly #asked = new Set<string>();
  #places: Places | undefined;

  constructor(options: NodeReaderOptions) {
    this.#options = options;
  }

  async read(): Promise<NodeState> {
    const { clock, rootDir, cgroups, podsCgroup } = this.#options;
    const atMs = clock.now().mono;
    const places = await this.#known();
    const disks = new Map<string, Promise<FsFigures | undefined>>();
    const fs = (path: string | undefined) => {
      if (path === undefined) return undefined;
      const known = disks.get(path) ?? this.#fs(path);
      disks.set(path, known);
      return known;
    };
    const [memory, limit, pods, nodefs, imagefs, containerfs, tasks] = await Promise.all([
      machineMemory(),
      cgroups.memoryLimit(podsCgroup),
      cgroups.memory(podsCgroup),
      fs(rootDir),
      fs(places?.images),
      fs(places?.containers),
      nodeProcesses(''),
    ]);
    return {
      readings: {
        atMs,
        ...(memory ? { memory } : {}),
        ...(limit !== undefined && pods ? { pods: { limit, workingSet: pods.workingSet } } : {}),
        ...(nodefs ? { nodefs } : {}),
        ...(imagefs ? { imagefs } : {}),
        ...(containerfs ? { containerfs } : {}),
        ...(tasks.maxpid > 0 ? { tasks: { max: tasks.maxpid, running: tasks.curproc } } : {}),
      },
      layout: places?.layout,
    };
  }

  async #fs(path: string): Promise<FsFigures | undefined> {
    const found = await this.#once(`statfs ${path}`, () => fileSystem(path, 0));
    if (!found) return undefined;
    const { capacityBytes = 0, availableBytes = 0, inodes = 0, inodesFree = 0 } = found;
    return { capacityBytes, availableBytes, inodes, inodesFree };
  }

  async #known(): Promise<Places | undefined> {
    const now = this.#options.clock.now().mono;
    if (this.#places && now - this.#places.atMs < PLACES_MS) return this.#places;
    const found = await this.#once('ImageFsInfo', () => this.#ask());
    if (found) this.#places = { ...found, atMs: now };
    return this.#places;
  }

  async #ask(): Promise<Omit<Places, 'atMs'> | undefined> {
    const { runtime, rootDir } = this.#options;
    const info = await runtime.imageFsInfo({ timeoutMs: ANSWER_MS });
    const at = (list: readonly FilesystemUsageOut[]) => list[0]?.fsId?.mountpoint || undefined;
    const images = at(info.imageFilesystems);
    if (images === undefined) return undefined;
    const containers = at(info.containerFilesystems) ?? images;
    const [root, image, layer] = await Promise.all([rootDir, images, containers].map(async (p) => (await stat(p)).dev));
    return { images, containers, layout: { imageFs: image !== root, containerFs: layer !== image } };
  }

  /** The answer, if it comes in time; nothing while an earlier question waits. */
  async #once<T>(what: string, ask: () => Promise<T | undefined>): Promise<T | undefined> {
    if (this.#asked.has(what)) return undefined;
    this.#asked.add(what);
    const answer = ask().finally(() => this.#asked.delete(what));
    return withDeadline(this.#options.clock, ANSWER_MS, what, undefined, () => answer).catch(() => undefined);
  }
}
