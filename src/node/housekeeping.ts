import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupManager } from '../cgroups/contract.ts';
import type { Cri } from '../cri/client.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodTable } from '../pods/table.ts';
import type { CheckpointStore } from '../podworker/actions/services.ts';
import type { VolumeManager } from '../volumes/contract.ts';
import { removeLeftovers } from './containerGc.ts';
import { removeDanglingLinks, removeLogDirectories } from './logGc.ts';

/** An allowed poll (docs/architecture.md): what a crash left behind has no event. kubelet's ContainerGCPeriod. */
const periodMs = 60_000;

export interface HousekeepingOptions {
  readonly table: PodTable;
  readonly cri: Cri;
  readonly volumes: Pick<VolumeManager, 'unmountAll'>;
  readonly checkpoints: Pick<CheckpointStore, 'list' | 'remove'>;
  /** `<root>/pods`. */
  readonly podsDir: string;
  readonly cgroups: CgroupManager;
  readonly podLogsDir: string;
  readonly containerLogsDir: string;
  /** Deletes mirror Pods that no static Pod owns. */
  readonly removeOrphanMirrors: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Removes what Pods left behind that nobody knows any more: from the runtime, volumes and directories, cgroups, logs. Starts
 * when every source has reported (design rule 5); a Pod with a worker is never touched.
 */
export class Housekeeping implements Disposable {
  readonly #options: HousekeepingOptions;
  #timer: Disposable | undefined;
  #stopped = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped || this.#timer) return;
    void this.#round();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
  }

  async #round(): Promise<void> {
    const { clock, log } = this.#options;
    const parts = {
      runtime: () => this.#runtime(),
      files: () => this.#files(),
      cgroups: () => this.#cgroups(),
      logs: () => this.#logs(),
      mirrors: this.#options.removeOrphanMirrors,
      checkpoints: () => this.#checkpoints(),
    };
    for (const [what, clean] of Object.entries(parts)) {
      try {
        await clean();
      } catch (error) {
        log.warn('leftovers of gone Pods could not be removed; the next round tries again', {
          what,
          error: errorMessage(error),
        });
      }
    }
    if (!this.#stopped) this.#timer = clock.setTimer(periodMs, () => void this.#round());
  }

  #isGone(uid: string): boolean {
    return !this.#options.table.has(uid);
  }

  async #runtime(): Promise<void> {
    const { cri, log } = this.#options;
    await removeLeftovers(cri, (uid) => this.#isGone(uid), log);
  }

  async #files(): Promise<void> {
    const { podsDir, volumes } = this.#options;
    await eachAlone(await readdir(podsDir), async (uid) => {
      if (!this.#isGone(uid)) return;
      await volumes.unmountAll(uid, AbortSignal.timeout(60_000));
      if (this.#isGone(uid)) await removeTree(join(podsDir, uid));
    });
  }

  /** A note on a Pod that is gone would be taken for the past of the next one with this UID: a manifest that comes back has it. */
  async #checkpoints(): Promise<void> {
    const { checkpoints } = this.#options;
    await eachAlone(await checkpoints.list(), async (uid) => {
      if (this.#isGone(uid)) await checkpoints.remove(uid);
    });
  }

  async #cgroups(): Promise<void> {
    const { cgroups } = this.#options;
    await eachAlone(await cgroups.listPods(), async ({ uid, name }) => {
      if (this.#isGone(uid)) await cgroups.destroy(name, AbortSignal.timeout(60_000));
    });
  }

  async #logs(): Promise<void> {
    const { table, podLogsDir, containerLogsDir, log } = this.#options;
    await removeLogDirectories(podLogsDir, (uid) => this.#isGone(uid), log);
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
