import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { withDeadline } from '../../plugins/deadline.ts';
import { patienceMs, type Reclaimable, reclaimableFor } from './rules/reclaim.ts';
import type { DiskLayout } from './rules/signals.ts';
import type { Threshold } from './rules/thresholds.ts';

/** A runtime that takes longer to remove things goes on behind us. */
const REMOVAL_MS = 60_000;
/** Between two looks at what removed things have freed: file systems have no event for it. */
const LOOK_MS = 1_000;

export interface ReclaimerOptions {
  /** Removes all that nobody uses; resolves with how many things went. */
  readonly remove: Readonly<Record<Reclaimable, (signal: AbortSignal) => Promise<number>>>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Frees what no Pod needs before a Pod has to go. */
export class Reclaimer {
  readonly #options: ReclaimerOptions;

  constructor(options: ReclaimerOptions) {
    this.#options = options;
  }

  /**
   * Removes what may free a threshold's resource, and waits until the space is there or patience ends; runtimes give it back some time
   * after they have answered. Returns whether `isOver`, which looks at the node, says that it is enough.
   */
  async free(threshold: Threshold, layout: DiskLayout, isOver: () => Promise<boolean>): Promise<boolean> {
    const { clock } = this.#options;
    const removals = [];
    for (const what of reclaimableFor(threshold.signal, layout)) removals.push(await this.#remove(what));
    if (removals.every((count) => count === 0)) return false;
    // A removal that failed may have freed something: that is looked at once.
    const isWorthIt = removals.some((count) => count !== undefined && count > 0);
    const end = clock.now().mono + (isWorthIt ? patienceMs(threshold) : 0);
    while (!(await isOver())) {
      const left = end - clock.now().mono;
      if (left <= 0) return false;
      await sleep(clock, Math.min(LOOK_MS, left));
    }
    return true;
  }

  /** How many things went; undefined when it failed half-way, which is said and no reason to keep Pods that starve the node. */
  async #remove(what: Reclaimable): Promise<number | undefined> {
    const { clock, log, remove } = this.#options;
    try {
      // The removal may be in a call of the runtime, or in a queue behind one, that does not end when it is told to.
      return await withDeadline(clock, REMOVAL_MS, `the removal of ${what}`, undefined, (late) => remove[what](late));
    } catch (error) {
      log.warn(`Eviction: could not remove all unused ${what}`, { error: errorMessage(error) });
      return undefined;
    }
  }
}
