import type { CgroupManager } from '../cgroups/contract.ts';
import type { Cri } from '../cri/client.ts';
import type { NodeEvent } from '../events/event.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { allEntries } from '../lib/linux/directoryEntries.ts';
import { childPath } from '../lib/linux/pathBytes.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodTable } from '../pods/table.ts';
import type { CheckpointStore } from '../podworker/actions/services.ts';
import { type Tracing, traced } from '../tracing/spans.ts';
import type { VolumeManager } from '../volumes/contract.ts';
import { removeLeftovers } from './containerGc.ts';
import { removeDanglingLinks, removeLogDirectories } from './logGc.ts';

/** An allowed poll (docs/architecture.md): what a crash left behind has no event. kubelet's ContainerGCPeriod. */
const periodMs = 60_000;

/** How long the removal of one thing may take in one round: the others shall have their turn. */
const patienceMs = 60_000;

export interface HousekeepingOptions {
  readonly table: PodTable;
  /** Keeps a Pod that has no worker from coming back under its UID until disposed; undefined when it has one. */
  reserve(uid: string): Disposable | undefined;
  readonly cri: Cri;
  readonly volumes: Pick<VolumeManager, 'unmountAll' | 'holders'>;
  readonly checkpoints: Pick<CheckpointStore, 'list' | 'remove'>;
  /** `<root>/pods`. */
  readonly podsDir: string;
  /** Frees the user and group ids that the Pod has. */
  readonly releaseIds: (uid: string) => Promise<void>;
  readonly cgroups: CgroupManager;
  readonly podLogsDir: string;
  readonly containerLogsDir: string;
  /** Enforces the limits on dead containers. */
  readonly collectDead: () => void;
  /** What the runtime or the logs hold could not be removed. */
  readonly recordEvent: (event: NodeEvent) => void;
  /** Deletes mirror Pods that no static Pod owns. */
  readonly removeOrphanMirrors: () => Promise<void>;
  /** Looks after the records of pulled images. */
  readonly tidyImages?: () => Promise<void>;
  readonly tracing?: Tracing | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Removes what Pods left behind that nobody knows any more: from the runtime, volumes and directories, cgroups, logs. Starts
 * when every source has reported; a Pod with a worker is never touched.
 */
export class Housekeeping implements Disposable {
  readonly #options: HousekeepingOptions;
  #timer: Disposable | undefined;
  readonly #ended = new AbortController();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#ended.signal.aborted || this.#timer) return;
    void this.#round();
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#timer?.[Symbol.dispose]();
  }

  async #round(): Promise<void> {
    const { clock, log, collectDead, recordEvent, tracing } = this.#options;
    collectDead();
    const parts = {
      runtime: () => traced(tracing, 'Containers/GarbageCollect', () => this.#runtime()),
      files: () => this.#files(),
      cgroups: () => this.#cgroups(),
      logs: () => this.#logs(),
      mirrors: this.#options.removeOrphanMirrors,
      checkpoints: () => this.#checkpoints(),
      images: async () => this.#options.tidyImages?.(),
    };
    for (const [what, clean] of Object.entries(parts)) {
      if (this.#ended.signal.aborted) return;
      try {
        await clean();
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        const message = errorMessage(error);
        log.warn('leftovers of gone Pods could not be removed; the next round tries again', { what, error: message });
        // kubelet's container garbage collection is these two.
        if (what === 'runtime' || what === 'logs')
          recordEvent({ type: 'Warning', reason: 'ContainerGCFailed', message });
      }
    }
    if (!this.#ended.signal.aborted) this.#timer = clock.setTimer(periodMs, () => void this.#round());
  }

  #isGone(uid: string): boolean {
    return !this.#options.table.has(uid);
  }

  /** Says that a Pod is gone, and keeps it from coming back under the same UID while what it left behind is removed. Undefined at the end of the program too. */
  #claim(uid: string): Disposable | undefined {
    return this.#ended.signal.aborted ? undefined : this.#options.reserve(uid);
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#ended.signal, AbortSignal.timeout(patienceMs)]);
  }

  async #runtime(): Promise<void> {
    const { cri, log } = this.#options;
    await removeLeftovers(cri, (uid) => this.#isGone(uid), log);
  }

  async #files(): Promise<void> {
    const { podsDir, volumes, releaseIds } = this.#options;
    const names = (await allEntries(podsDir)).map(({ name }) => name);
    const known = new Set(names.map((name) => name.toString()));
    const holders = volumes.holders().filter((uid) => !known.has(uid));
    await eachAlone([...names, ...holders.map((uid) => Buffer.from(uid))], async (name) => {
      const uid = name.toString();
      using claimed = this.#claim(uid);
      if (!claimed) return;
      await volumes.unmountAll(uid, this.#signal());
      await removeTree(childPath(podsDir, name), this.#signal());
      await releaseIds(uid);
    });
  }

  /** A note on a Pod that is gone would be taken for the past of the next one with this UID: a manifest that comes back has it. */
  async #checkpoints(): Promise<void> {
    const { checkpoints } = this.#options;
    await eachAlone(await checkpoints.list(), async (uid) => {
      using claimed = this.#claim(uid);
      if (claimed) await checkpoints.remove(uid);
    });
  }

  async #cgroups(): Promise<void> {
    const { cgroups } = this.#options;
    await eachAlone(await cgroups.listPods(), async ({ uid, name }) => {
      using claimed = this.#claim(uid);
      if (claimed) await cgroups.destroy(name, this.#signal());
    });
  }

  async #logs(): Promise<void> {
    const { table, podLogsDir, containerLogsDir, log } = this.#options;
    await removeLogDirectories(podLogsDir, (uid) => this.#claim(uid), log, this.#signal());
    const known = new Set(table.all().flatMap(({ observed }) => (observed?.containers ?? []).map((c) => c.id)));
    await removeDanglingLinks(containerLogsDir, (id) => known.has(id), log);
  }
}

/** One after the other; what cannot be removed holds nothing else up. Throws one error of all that failed. */
async function eachAlone<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const failed: string[] = [];
  for (const item of items) await work(item).catch((error) => void failed.push(errorMessage(error)));
  if (failed.length > 0) throw new Error(failed.join('; '));
}
