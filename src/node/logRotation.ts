import { type LogRotationOptions, type RunningLog, WatchedLog } from './watchedLog.ts';

/**
 * Rotates the logs of running containers when they grow too large. A quiet log costs one inotify watch. The first write wakes us; from
 * then on the file's size and rate say when to look next, and the watch is closed meanwhile, so that a container that writes without
 * pause does not keep us busy (kubelet looks at every file every 10 s instead).
 */
export class LogRotation implements Disposable {
  readonly #options: LogRotationOptions;
  readonly #watched = new Map<string, WatchedLog>();
  readonly #byPod = new Map<string, readonly string[]>();
  readonly #queue: (() => Promise<void>)[] = [];
  #running = 0;

  constructor(options: LogRotationOptions) {
    this.#options = options;
  }

  /** Number of logs being watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** These containers of the Pod run now; others of it no longer do. Cheap when nothing changed. */
  sync(podUid: string, logs: readonly RunningLog[]): void {
    const before = this.#byPod.get(podUid) ?? [];
    const ids = logs.map((l) => l.containerId);
    if (ids.length === before.length && ids.every((id, i) => id === before[i])) return;
    for (const id of before) if (!ids.includes(id)) this.#drop(id);
    for (const log of logs) {
      if (this.#watched.has(log.containerId)) continue;
      const watched = new WatchedLog(log, this.#options, (work) => this.#enqueue(work));
      this.#watched.set(log.containerId, watched);
      watched.look();
    }
    if (ids.length === 0) this.#byPod.delete(podUid);
    else this.#byPod.set(podUid, ids);
  }

  forget(podUid: string): void {
    this.sync(podUid, []);
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#watched.keys()]) this.#drop(id);
    this.#byPod.clear();
    this.#queue.length = 0;
  }

  #drop(id: string): void {
    this.#watched.get(id)?.[Symbol.dispose]();
    this.#watched.delete(id);
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue.push(work);
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#running >= this.#options.maxWorkers) return;
    const work = this.#queue.shift();
    if (!work) return;
    this.#running += 1;
    await work();
    this.#running -= 1;
    void this.#work();
  }
}
