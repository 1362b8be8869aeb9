// Asks drivers now and then how many volumes this node can take, where the cluster says how often (KEP-4876).
import type { ObjectStore } from '../../api/objectStore.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { CsiDrivers } from './drivers.ts';
import type { CsiNodeInfo } from './nodeInfo.ts';

/** The API server takes no shorter period. */
const SHORTEST_MS = 10_000;

export interface AllocatableUpdatesOptions {
  readonly drivers: CsiDrivers;
  readonly store: Pick<ObjectStore, 'get' | 'subscribe'>;
  readonly nodeInfo: Pick<CsiNodeInfo, 'update'>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Following {
  readonly subscription: Disposable;
  /** 0: not asked. */
  periodMs: number;
  timer: Disposable | undefined;
}

/**
 * Follows each registered driver's CSIDriver: with nodeAllocatableUpdatePeriodSeconds it is asked NodeGetInfo again after each such
 * time, and the CSINode is brought up to date. An attempt that fails is logged, and the next one comes in its time.
 */
export class AllocatableUpdates implements Disposable {
  readonly #options: AllocatableUpdatesOptions;
  readonly #following = new Map<string, Following>();
  readonly #listening: Disposable;
  readonly #ended = new AbortController();

  constructor(options: AllocatableUpdatesOptions) {
    this.#options = options;
    this.#listening = options.drivers.onChange((name) => this.#changed(name));
  }

  /** Asks the driver now, because an attach failed for want of room. Rejects with why it could not be asked. */
  async updateNow(name: string): Promise<void> {
    const { drivers, nodeInfo } = this.#options;
    const driver = drivers.get(name);
    if (!driver) return;
    await nodeInfo.update(name, await driver.nodeInfo(this.#ended.signal), this.#ended.signal);
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#listening[Symbol.dispose]();
    for (const name of [...this.#following.keys()]) this.#leave(name);
  }

  #changed(name: string): void {
    const { drivers, store } = this.#options;
    if (!drivers.get(name)) {
      this.#leave(name);
      return;
    }
    if (this.#following.has(name)) return;
    const subscription = store.subscribe('CSIDriver', undefined, name, () => this.#look(name));
    this.#following.set(name, { subscription, periodMs: 0, timer: undefined });
    this.#look(name);
  }

  #look(name: string): void {
    const following = this.#following.get(name);
    const found = this.#options.store.get('CSIDriver', undefined, name);
    if (!following || found.state === 'unknown') return;
    const seconds = found.state === 'present' ? (found.object.spec.nodeAllocatableUpdatePeriodSeconds ?? 0) : 0;
    const periodMs = seconds > 0 ? Math.max(seconds * 1000, SHORTEST_MS) : 0;
    if (periodMs === following.periodMs) return;
    following.periodMs = periodMs;
    this.#arm(name, following);
  }

  #arm(name: string, following: Following): void {
    following.timer?.[Symbol.dispose]();
    following.timer = undefined;
    if (following.periodMs === 0 || this.#following.get(name) !== following) return;
    following.timer = this.#options.clock.setTimer(following.periodMs, () => {
      this.updateNow(name)
        .catch((error) => {
          if (this.#ended.signal.aborted) return;
          const details = { driver: name, error: errorMessage(error) };
          this.#options.log.warn('A CSI driver could not be asked how many volumes the node can take', details);
        })
        .finally(() => this.#arm(name, following));
    });
  }

  #leave(name: string): void {
    const following = this.#following.get(name);
    this.#following.delete(name);
    following?.timer?.[Symbol.dispose]();
    following?.subscription[Symbol.dispose]();
  }
}
