import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { ShutdownLock } from '../../lib/linux/logind/inhibitor.ts';
import type { Logind } from '../../lib/linux/logind/logind.ts';
import type { Logger } from '../../lib/logger.ts';

/** kubelet's pause before it connects again, growing where there is no logind at all. */
const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 60_000, jitter: 0.2 };
/** Looks at whether logind has read its configuration again: 5, from 100 ms doubling. */
const RELOAD: BackoffPolicy = { initialMs: 100, maxMs: 1_600 };
const RELOAD_LOOKS = 5;

export interface ShutdownWatchOptions {
  /** How long the machine has to wait for us, in milliseconds. */
  readonly neededMs: number;
  readonly connect: () => Promise<Logind>;
  readonly takeLock: () => Promise<ShutdownLock>;
  /** Writes logind's configuration, so that it waits this long. */
  readonly overrideDelay: (ms: number) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** The machine is about to shut down, or does not after all. */
  readonly onShutdown: (starts: boolean) => void;
}

/**
 * Holds the machine's shutdown back by a delay lock and hears of it. A connection or a lock that is lost is made anew. Disposing releases
 * the lock.
 */
export class ShutdownWatch implements Disposable {
  readonly #options: ShutdownWatchOptions;
  readonly #ended = new AbortController();
  #lock: ShutdownLock | undefined;
  #shuttingDown = false;

  constructor(options: ShutdownWatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  /** Lets the machine go. */
  release(): void {
    this.#lock?.release();
    this.#lock = undefined;
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.release();
  }

  async #run(): Promise<void> {
    const { clock, log, random } = this.#options;
    const { signal } = this.#ended;
    for (let failures = 0; !signal.aborted; ) {
      const since = clock.now().mono;
      try {
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        if (clock.now().mono - since > RETRY.maxMs) failures = 0;
        // The first one is news; on a machine without systemd all others say the same.
        const level = failures === 0 ? 'error' : 'debug';
        log[level]('Shutdowns of the machine are not noticed; it is tried again', { error: errorMessage(error) });
      }
      await sleep(clock, backoffDelay(RETRY, failures++, random()), signal).catch(() => undefined);
    }
  }

  /** Resolves or rejects when there is something to be made anew. */
  async #watch(): Promise<void> {
    const { connect, log, neededMs } = this.#options;
    const { promise: lost, reject } = Promise.withResolvers<never>();
    lost.catch(() => undefined);
    using logind = await connect();
    using _closed = logind.onClose(reject);
    using _shutdown = logind.onShutdown((starts) => {
      this.#heard(starts);
      if (!starts) this.#relock(reject).catch(reject);
    });
    const ended = () => reject(this.#ended.signal.reason);
    this.#ended.signal.addEventListener('abort', ended, { once: true });
    try {
      await Promise.race([this.#ensureDelay(logind), lost]);
      const preparing = await logind.preparingForShutdown();
      this.#heard(preparing);
      // A shutdown that began before this process did gives no lock any more.
      if (!preparing) {
        await this.#relock(reject);
        log.info('The machine waits for Pods when it shuts down', { seconds: neededMs / 1000 });
      }
      await lost;
    } finally {
      this.#ended.signal.removeEventListener('abort', ended);
    }
  }

  #heard(starts: boolean): void {
    if (starts === this.#shuttingDown) return;
    this.#shuttingDown = starts;
    this.#options.onShutdown(starts);
  }

  /** The new one first, so that the machine is held all the time. */
  async #relock(onLost: (error: Error) => void): Promise<void> {
    const lock = await this.#options.takeLock();
    if (this.#ended.signal.aborted) {
      lock.release();
      return;
    }
    this.release();
    this.#lock = lock;
    lock.onLost(() => {
      if (this.#lock === lock) onLost(new KubeletError('the shutdown lock was lost', { code: 'ShutdownLock' }));
    });
  }

  async #ensureDelay(logind: Logind): Promise<void> {
    const { neededMs, overrideDelay, clock } = this.#options;
    if ((await logind.inhibitDelayMs()) >= neededMs) return;
    await overrideDelay(neededMs);
    await logind.reloadConfiguration();
    let delay = 0;
    for (let look = 0; look < RELOAD_LOOKS; look++) {
      delay = await logind.inhibitDelayMs();
      if (delay >= neededMs) return;
      await sleep(clock, backoffDelay(RELOAD, look, 0), this.#ended.signal);
    }
    throw new KubeletError(
      `logind waits ${delay / 1000} s for Pods at a shutdown, which is less than the ${neededMs / 1000} s of shutdownGracePeriod, although it was told to read its configuration again; look for a setting of InhibitDelayMaxSec in /etc/systemd/logind.conf.d that comes after 99-kubelet.conf`,
      { code: 'Logind' },
    );
  }
}
