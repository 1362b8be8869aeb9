import type { Clock } from '../lib/clock.ts';
import { untilHolds } from '../lib/untilHolds.ts';
import type { PodTable } from '../pods/table.ts';
import { type DeadContainerPolicy, deadOfFinished, type Surplus, surplusDead } from './rules/deadContainers.ts';

export interface DeadContainersOptions {
  readonly table: PodTable;
  readonly policy: DeadContainerPolicy;
  /** Removes what Pods left in the runtime that nobody knows any more; returns how many things. */
  readonly removeLeftovers: (signal: AbortSignal) => Promise<number>;
  readonly clock: Clock;
}

/** Tells Pods which of their dead containers shall go; each Pod removes its own. */
export class DeadContainers {
  readonly #options: DeadContainersOptions;

  constructor(options: DeadContainersOptions) {
    this.#options = options;
  }

  /** Enforces the limits on dead containers. Nothing waits for it. */
  collect(): void {
    const { table, policy, clock } = this.#options;
    this.#tell(surplusDead(table.all(), policy, clock.now().wall));
  }

  /**
   * Removes the dead containers of all Pods that are over, and what nobody knows any more; the one dead container that a living Pod keeps
   * for its logs and its next start stays. Resolves with their number when they are gone; rejects when the signal aborts first, or the
   * runtime cannot be asked. Call it only after every source has reported.
   */
  async removeAllDeadContainers(signal: AbortSignal): Promise<number> {
    const { table, removeLeftovers } = this.#options;
    const surplus = deadOfFinished(table.all());
    this.#tell(surplus);
    const unknown = await removeLeftovers(signal);
    await this.#gone(surplus, signal);
    return unknown + [...surplus.values()].reduce((sum, ids) => sum + ids.length, 0);
  }

  #tell(surplus: Surplus): void {
    for (const [uid, containers] of surplus) this.#options.table.learn(uid, { kind: 'surplus', containers });
  }

  #gone(surplus: Surplus, signal: AbortSignal): Promise<void> {
    const { table } = this.#options;
    const remain = () =>
      [...surplus].some(([uid, ids]) => table.get(uid)?.observed?.containers.some(({ id }) => ids.includes(id)));
    return untilHolds(
      () => !remain(),
      (look) => table.onAnyChange(look),
      signal,
    );
  }
}
