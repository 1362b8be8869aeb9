import { allocationCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { CheckpointFile } from '../lib/checkpointFile.ts';
import type { Clock } from '../lib/clock.ts';
import { deepFreeze } from '../lib/freeze.ts';
import { parseObject } from '../lib/parseObject.ts';
import type { PodResources, ResourceRequirements } from '../types/k8s.ts';

/** As the Go kubelet's state.PodResourceInfo becomes JSON. */
interface Info {
  readonly ContainerResources: Readonly<Record<string, ResourceRequirements>> | null;
  readonly PodLevelResources: ResourceRequirements | null;
}

const FORMAT = allocationCheckpoint<{ data: string }>();
/** How long what may be lost waits for others to be written with. */
const SOON_MS = 1000;

/**
 * Resources by Pod, kept in one of the Go kubelet's files (`<root>/allocated_pods_state`, `actuated_pods_state`), so that a node can go
 * from one kubelet to the other and back. In memory at once, on disk when `save` resolves; saves that come during a write share the next.
 */
export class ResourceRecords {
  readonly #file: CheckpointFile<{ data: string }>;
  readonly #records = new Map<string, PodResources>();
  /** Pods whose records no write has taken up yet; those that the write under way has. */
  #unsaved = new Set<string>();
  #inFlight = new Set<string>();
  /** Settles with the write that will take up what is unsaved. */
  #next: PromiseWithResolvers<void> | undefined;
  #writing: Promise<void> | undefined;
  readonly #clock: Clock;
  #timer: Disposable | undefined;

  /** Empty; `load` reads what is there. */
  constructor(path: string, clock: Clock) {
    this.#file = new CheckpointFile(path, { ...FORMAT, decode: (text) => verified(FORMAT.decode(text)) });
    this.#clock = clock;
  }

  /** Reads the file; none is no record. Rejects with a CheckpointError when it does not fit: guessing would resize running Pods. */
  static async open(path: string, clock: Clock): Promise<ResourceRecords> {
    const records = new ResourceRecords(path, clock);
    await records.load();
    return records;
  }

  async load(): Promise<void> {
    const found = await this.#file.load();
    for (const [uid, resources] of found ? entriesOf(found.data) : []) this.#records.set(uid, resources);
  }

  get(uid: string): PodResources | undefined {
    return this.#records.get(uid);
  }

  /** Keeps it. It is written within a second, with what comes until then: for what may be lost. */
  set(uid: string, resources: PodResources): void {
    if (!this.#keep(uid, resources)) return;
    this.#timer ??= this.#clock.setTimer(SOON_MS, () => {
      this.flush().catch(() => {}); // tried again with the next one
    });
  }

  /** Keeps it, and resolves when it is on the disk: at once when it is there already. A rejection leaves it in memory alone. */
  save(uid: string, resources: PodResources): Promise<void> {
    this.#keep(uid, resources);
    return this.saved(uid);
  }

  /** Resolves when what is known of this Pod is on the disk: at once when it is, or when nothing is known. */
  saved(uid: string): Promise<void> {
    if (this.#unsaved.has(uid)) return this.flush();
    return this.#inFlight.has(uid) ? this.#writing! : Promise.resolve();
  }

  /** Resolves when everything that was set by now is on the disk; at once when it is. */
  flush(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#unsaved.size === 0) return this.#writing ?? Promise.resolve();
    this.#next ??= Promise.withResolvers();
    const { promise } = this.#next;
    if (!this.#writing) this.#write();
    return promise;
  }

  /** Forgets a Pod that is over. Written with the next save: one too many harms nobody. */
  remove(uid: string): void {
    this.#records.delete(uid);
  }

  /** Forgets all Pods but these, as `remove`. */
  keepOnly(uids: ReadonlySet<string>): void {
    for (const uid of [...this.#records.keys()]) if (!uids.has(uid)) this.#records.delete(uid);
  }

  /** False when it is what is known already. */
  #keep(uid: string, resources: PodResources): boolean {
    const known = this.#records.get(uid);
    if (known && JSON.stringify(known) === JSON.stringify(resources)) return false;
    this.#records.set(uid, deepFreeze(resources));
    this.#unsaved.add(uid);
    return true;
  }

  #write(): void {
    const mine = this.#next;
    if (!mine) return;
    this.#next = undefined;
    this.#inFlight = this.#unsaved;
    this.#unsaved = new Set();
    this.#writing = mine.promise;
    mine.promise.catch(() => {}); // whoever waits hears of it
    this.#file.save({ data: dataOf(this.#records) }).then(
      () => this.#written(mine.resolve),
      (error) => {
        for (const uid of this.#inFlight) this.#unsaved.add(uid);
        this.#written(() => mine.reject(error));
      },
    );
  }

  #written(settle: () => void): void {
    this.#writing = undefined;
    this.#inFlight = new Set();
    settle();
    this.#write();
  }
}

function dataOf(records: ReadonlyMap<string, PodResources>): string {
  const entries: Record<string, Info> = Object.create(null);
  for (const uid of [...records.keys()].sort()) {
    const { containers, pod } = records.get(uid)!;
    entries[uid] = { ContainerResources: containers, PodLevelResources: pod ?? null };
  }
  return JSON.stringify(records.size > 0 ? { entries } : {});
}

function verified(file: { data: string }): { data: string } {
  entriesOf(file.data);
  return file;
}

function entriesOf(data: string): Map<string, PodResources> {
  const { entries = {} } = parseObject(data) as { entries?: Record<string, Info> };
  const records = new Map<string, PodResources>();
  for (const [uid, info] of Object.entries(entries ?? {})) {
    if (!isObject(info) || !(isObject(info.ContainerResources) || info.ContainerResources == null))
      throw new Error(`what it has for Pod ${uid} is no record of resources`);
    const { ContainerResources: containers, PodLevelResources: pod } = info;
    if (![...Object.values(containers ?? {}), pod ?? {}].every(isRequirements))
      throw new Error(`what it has for Pod ${uid} are no resources`);
    records.set(uid, deepFreeze({ containers: containers ?? {}, ...(pod && { pod }) }));
  }
  return records;
}

function isRequirements(value: unknown): boolean {
  if (!isObject(value)) return false;
  return [value.requests, value.limits].every(
    (list) => list == null || (isObject(list) && Object.values(list).every((amount) => typeof amount === 'string')),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
