// The drivers that are registered on this node.
import type { Clock } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { unsent } from './csiError.ts';
import type { CsiDriver } from './driver.ts';

/** How long that takes at most, in ms. */
const REGISTRATION_MS = 20_000;

/** One driver for each name. */
export class CsiDrivers implements Disposable {
  readonly #drivers = new Map<string, CsiDriver>();
  readonly #changes = new Listeners<[name: string]>();
  readonly #versions = new WeakMap<CsiDriver, string>();
  #turn = 0;

  get(name: string): CsiDriver | undefined {
    return this.#drivers.get(name);
  }

  all(): readonly CsiDriver[] {
    return [...this.#drivers.values()];
  }

  /** The driver; throws in kubelet's words when there is none. That passes: drivers are containers, which start and restart. */
  require(name: string, doing?: string): CsiDriver {
    const driver = this.#drivers.get(name);
    if (driver) return driver;
    throw unsent(
      `${doing === undefined ? '' : `${doing}: `}driver name ${name} not found in the list of registered CSI drivers`,
    );
  }

  /**
   * For volumes that Pods have had before: resolves when a driver of that name is registered, or the time is up. Drivers register a moment
   * after a restart of this program, and until then nothing is wrong. Rejects with the signal's reason.
   */
  async appears(name: string, clock: Clock, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#drivers.has(name)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    using _timer = clock.setTimer(REGISTRATION_MS, resolve);
    using _listening = this.onChange((changed) => {
      if (changed === name && this.#drivers.has(name)) resolve();
    });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Another one for each registration; undefined while there is no driver of that name. */
  version(name: string): string | undefined {
    const driver = this.#drivers.get(name);
    return driver && this.#versions.get(driver);
  }

  /** Takes a driver into use in the place of one of the same name, whose calls end. */
  set(driver: CsiDriver): void {
    const before = this.#drivers.get(driver.name);
    this.#drivers.set(driver.name, driver);
    this.#versions.set(driver, String(++this.#turn));
    if (before !== driver) before?.[Symbol.dispose]();
    this.#changes.emit(driver.name);
  }

  /** Takes this very driver out of use, if it still is. */
  remove(driver: CsiDriver): void {
    if (this.#drivers.get(driver.name) !== driver) return;
    this.#drivers.delete(driver.name);
    driver[Symbol.dispose]();
    this.#changes.emit(driver.name);
  }

  /** Calls `listener` with the name when a driver has come, gone or changed. */
  onChange(listener: (name: string) => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Calls `listener` when the driver of that name has come, gone or changed. */
  subscribe(name: string, listener: () => void): Disposable {
    return this.onChange((changed) => {
      if (changed === name) listener();
    });
  }

  [Symbol.dispose](): void {
    for (const driver of this.#drivers.values()) driver[Symbol.dispose]();
    this.#drivers.clear();
  }
}
