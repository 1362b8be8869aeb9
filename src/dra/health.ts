// What drivers say of their devices' health (KEP-4680), for the statuses of Pods.
import { backoffDelay } from '../lib/backoff.ts';
import { firstBytes } from '../lib/bounded.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import type { DeviceHealthOut } from '../plugins/generated/dra/draHealth.ts';
import type { DraPlugin } from './plugin.ts';

export type Health = 'Healthy' | 'Unhealthy' | 'Unknown';

/** Of one device. */
export interface DeviceHealth {
  readonly health: Health;
  /** Empty: none. */
  readonly message: string;
}

interface Known extends DeviceHealth {
  /** Until when it counts (mono ms). */
  readonly until: number;
}

const UNKNOWN: DeviceHealth = { health: 'Unknown', message: '' };
const NAMES: Readonly<Record<string, Health>> = { HEALTHY: 'Healthy', UNHEALTHY: 'Unhealthy' };
/** How long it counts when the driver does not say; kubelet's. Milliseconds. */
export const DEFAULT_HEALTH_MS = 30_000;
const LONGEST_MS = 86_400_000;
/** Longest message that the API takes, in bytes. */
const MAX_MESSAGE_BYTES = 1024;
/** Devices of one driver whose health is kept, and bytes of a device's name with its pool's; of others nothing is known. */
const MAX_DEVICES = 4096;
const MAX_NAME_BYTES = 512;
/** A driver that says more than this is listened to no more often, in ms. */
const PAUSE_MS = 1000;
const RETRY = { initialMs: 5000, maxMs: 5000, jitter: 0.2 };

/** The last word on each device, for as long as it counts. After a restart drivers say it anew. */
export class HealthBook implements Disposable {
  readonly #clock: Clock;
  readonly #drivers = new Map<string, ReadonlyMap<string, Known>>();
  readonly #heard = new Set<string>();
  /** Who of a driver's plug-ins spoke last: only with that one its words go. */
  readonly #speakers = new Map<string, object | undefined>();
  readonly #changes = new Listeners<[driver: string]>();
  #timer: Disposable | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** undefined: its driver has said nothing at all in this life of the program. */
  of(driver: string, pool: string, device: string): DeviceHealth | undefined {
    if (!this.#heard.has(driver)) return undefined;
    const known = this.#drivers.get(driver)?.get(keyOf(pool, device));
    return known && known.until > this.#clock.now().mono ? known : UNKNOWN;
  }

  /** Calls `listener` with the driver when something of its devices' health changed. */
  onChange(listener: (driver: string) => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Takes what a plug-in of the driver says of some or all of its devices. What it does not name counts until its time is over. */
  take(driver: string, said: readonly DeviceHealthOut[], speaker?: object): void {
    this.#speakers.set(driver, speaker);
    this.#note(driver, said);
  }

  #note(driver: string, said: readonly DeviceHealthOut[]): void {
    const { mono } = this.#clock.now();
    const before = this.#drivers.get(driver) ?? new Map<string, Known>();
    const next = new Map([...before].filter(([, { until }]) => until > mono));
    let changed = next.size !== before.size;
    for (const { device, health, message, healthCheckTimeoutSeconds } of said) {
      const { poolName = '', deviceName = '' } = device ?? {};
      const key = keyOf(poolName, deviceName);
      if (Buffer.byteLength(key) > MAX_NAME_BYTES || (next.size >= MAX_DEVICES && !next.has(key))) continue;
      const seconds = Number(healthCheckTimeoutSeconds);
      const ms = seconds > 0 ? Math.min(seconds * 1000, LONGEST_MS) : DEFAULT_HEALTH_MS;
      const known = { health: NAMES[health] ?? 'Unknown', message: cut(message), until: mono + ms };
      const old = next.get(key) ?? UNKNOWN;
      if (old.health !== known.health || old.message !== known.message) changed = true;
      next.set(key, known);
    }
    this.#drivers.set(driver, next);
    this.#schedule();
    if (!this.#heard.has(driver)) changed = true;
    this.#heard.add(driver);
    if (changed) this.#changes.emit(driver);
  }

  /** This plug-in says nothing any more. Where another one of its driver spoke after it, that counts. */
  clear(driver: string, speaker?: object): void {
    if (this.#speakers.get(driver) !== speaker) return;
    this.#speakers.delete(driver);
    if (!this.#drivers.delete(driver)) return;
    this.#schedule();
    this.#changes.emit(driver);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  /** When the first word is too old, its device is Unknown. */
  #schedule(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const { mono } = this.#clock.now();
    let first = Number.POSITIVE_INFINITY;
    for (const devices of this.#drivers.values())
      for (const { until } of devices.values()) first = Math.min(first, until);
    if (Number.isFinite(first)) this.#timer = this.#clock.setTimer(Math.max(0, first - mono), () => this.#expire());
  }

  #expire(): void {
    for (const driver of [...this.#drivers.keys()]) this.#note(driver, []);
  }
}

/** Listens to a plug-in until disposed, again after each end. */
export function listenToHealth(plugin: DraPlugin, book: HealthBook, clock: Clock, random: () => number): Disposable {
  const over = new AbortController();
  let timer: Disposable | undefined;
  const open = () => {
    plugin.health(over.signal, {
      onMessage: async (devices) => {
        book.take(plugin.driver, devices, plugin);
        await sleep(clock, PAUSE_MS, over.signal).catch(() => {});
      },
      onEnd: () => {
        book.clear(plugin.driver, plugin);
        if (!over.signal.aborted) timer = clock.setTimer(backoffDelay(RETRY, 0, random()), open);
      },
    });
  };
  open();
  return {
    [Symbol.dispose]() {
      over.abort();
      timer?.[Symbol.dispose]();
    },
  };
}

/** In Go's form: the end is cut off. */
function cut(text: string): string {
  if (Buffer.byteLength(text) <= MAX_MESSAGE_BYTES) return text;
  return `${firstBytes(text, MAX_MESSAGE_BYTES - 3)}...`;
}

const keyOf = (pool: string, device: string): string => `${pool}/${device}`;
