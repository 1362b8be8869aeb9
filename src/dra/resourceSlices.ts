// Takes back what drivers that are gone said of this node's devices, so that no Pod is sent here for them (KEP-4381).

import { isNotFound } from '../api/apiError.ts';
import type { ApiClient } from '../api/client.ts';
import { backoffDelay } from '../lib/backoff.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** How long a driver that is gone may take to come back, in ms; kubelet's: a container that restarts is quicker. */
export const WIPE_MS = 30_000;
const RETRY = { initialMs: 1000, maxMs: 5 * 60_000, jitter: 0.2 };

export interface ResourceSlicesOptions {
  readonly client: Pick<ApiClient, 'deleteCollection'>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

/** Deletes the node's ResourceSlices of drivers that nobody answers for. Nothing waits for it. */
export class ResourceSlices implements Disposable {
  readonly #options: ResourceSlicesOptions;
  readonly #ended = new AbortController();
  /** By driver: ends what is due, or under way. */
  readonly #due = new Map<string, AbortController>();

  constructor(options: ResourceSlicesOptions) {
    this.#options = options;
  }

  /** Deletes those of all drivers: none has registered yet, and some may never come back. Whoever does publishes them again. */
  wipeAll(): void {
    void this.#wipe(undefined, this.#ended.signal);
  }

  /** Whether anybody answers for the driver. Saying the same twice changes no time. */
  usable(driver: string, usable: boolean): void {
    if (usable) {
      this.#due.get(driver)?.abort();
      this.#due.delete(driver);
    } else if (!this.#due.has(driver) && !this.#ended.signal.aborted) {
      const cancel = new AbortController();
      this.#due.set(driver, cancel);
      const signal = AbortSignal.any([cancel.signal, this.#ended.signal]);
      void this.#later(driver, signal).finally(() => {
        if (this.#due.get(driver) === cancel) this.#due.delete(driver);
      });
    }
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async #later(driver: string, signal: AbortSignal): Promise<void> {
    try {
      await sleep(this.#options.clock, WIPE_MS, signal);
    } catch {
      return; // it is back
    }
    await this.#wipe(driver, signal);
  }

  /** Tries until it succeeds. Rejects never. */
  async #wipe(driver: string | undefined, signal: AbortSignal): Promise<void> {
    const { client, nodeName, clock, log, random } = this.#options;
    const fieldSelector = `spec.nodeName=${nodeName}${driver === undefined ? '' : `,spec.driver=${driver}`}`;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await client.deleteCollection('ResourceSlice', { fieldSelector, signal });
        log.debug('ResourceSlices of drivers that are not here were deleted', { fieldSelector });
        return;
      } catch (error) {
        if (signal.aborted || isNotFound(error)) return;
        log.debug('ResourceSlices could not be deleted; it is tried again', {
          fieldSelector,
          error: errorMessage(error),
        });
      }
      await sleep(clock, backoffDelay(RETRY, attempt, random()), signal).catch(() => {});
    }
  }
}
