// The node-wide limit on RunPodSandbox, CreateContainer and StartContainer. Nothing else goes through it: StopContainer lasts
// a whole grace period, and status, list and exec calls must not wait. In a burst this halves the median start at the same total.
import { availableParallelism } from 'node:os';
import type { Clock } from '../lib/clock.ts';
import { disposable } from '../lib/disposables.ts';
import type { WaitingCall } from './rules/gate.ts';
import { decideGate, positionOf } from './rules/gate.ts';

export interface GateTicket {
  /** 0: static or critical Pods; 1: all others. */
  priority: 0 | 1;
  /** When the Pod's start began, monotonic milliseconds of the gate's clock. */
  podStarted: number;
  /** Names the call for `position`, for example `<pod uid>/container/web`. */
  key: string;
}
export interface GateOptions {
  clock: Clock;
  /** Calls at a time per core. */
  perCore?: number;
  /** Calls at a time in all; replaces `perCore`. */
  limit?: number;
}
interface Entry extends WaitingCall {
  key: string;
  send(): void;
}

const DEFAULT_PER_CORE = 4;

/** The gate. Its timer keeps no call alive; disposing only stops the timer. */
export class StartGate implements Disposable {
  readonly limit: number;
  readonly #clock: Clock;
  #arrivals = 0;
  #waiting: Entry[] = [];
  /** Send times of the calls under way, by order of arrival. */
  readonly #running = new Map<number, number>();
  #timer: Disposable | undefined;
  #disposed = false;

  constructor(options: GateOptions) {
    this.#clock = options.clock;
    this.limit = Math.max(1, options.limit ?? (options.perCore ?? DEFAULT_PER_CORE) * availableParallelism());
  }

  /** Calls `fn` when it is its turn and returns its result. Aborting while it waits rejects at once with the signal's reason;
   * afterwards the signal is `fn`'s own business. */
  run<T>(ticket: GateTicket, fn: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      this.#arrivals += 1;
      const arrived = this.#arrivals;
      const leave = () => {
        this.#waiting = this.#waiting.filter((w) => w.arrived !== arrived);
        reject(signal?.reason);
        this.#decide();
      };
      const send = () => {
        signal?.removeEventListener('abort', leave);
        // A function that throws instead of rejecting must free its place too.
        const call = new Promise<T>((settle) => settle(fn()));
        call.then(resolve, reject).finally(() => {
          this.#running.delete(arrived);
          this.#decide();
        });
      };
      const { priority, podStarted, key } = ticket;
      this.#waiting.push({ priority, podStarted, key, arrived, send });
      signal?.addEventListener('abort', leave, { once: true });
      this.#decide();
    });
  }

  /** How many calls go before the waiting call of this key (0: it is next); undefined if none waits. */
  position(key: string): number | undefined {
    const entry = this.#waiting.find((w) => w.key === key);
    return entry && positionOf(this.#waiting, entry.arrived);
  }

  /** Calls waiting and calls under way, slow ones included. */
  get load(): { waiting: number; running: number } {
    return { waiting: this.#waiting.length, running: this.#running.size };
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
  }

  #decide(): void {
    const now = this.#clock.now().mono;
    const { start, wakeAt } = decideGate(this.#waiting, [...this.#running.values()], this.limit, now);
    const going = new Set(start);
    this.#waiting = this.#waiting.filter((w) => !going.has(w));
    for (const entry of start) this.#running.set(entry.arrived, now);
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (wakeAt !== undefined && !this.#disposed) this.#arm(wakeAt - now);
    for (const entry of start) entry.send();
  }

  #arm(ms: number): void {
    const timer = this.#clock.setTimer(ms, () => this.#decide());
    this.#timer = disposable(() => timer[Symbol.dispose]());
  }
}
