import type { Clock } from './clock.ts';
import { sleep } from './clock.ts';

/** A token bucket as Kubernetes' clients use it: `burst` at once, refilled with `qps` per second. First come, first served. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #qps: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** `qps` ≤ 0 means no limit, as a negative kubeAPIQPS does. */
  constructor(clock: Clock, qps: number, burst: number) {
    this.#clock = clock;
    this.#qps = qps;
    this.#burst = Math.max(burst, 1);
    this.#tokens = this.#burst;
    this.#at = clock.now().mono;
  }

  /** Takes a token if one is there now. */
  tryAcquire(): boolean {
    if (this.#qps <= 0) return true;
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Resolves when the caller may go on. Rejects with the signal's reason on abort, and then gives its token back. */
  async acquire(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#qps <= 0) return;
    this.#refill();
    this.#tokens -= 1;
    if (this.#tokens >= 0) return;
    try {
      await sleep(this.#clock, (-this.#tokens / this.#qps) * 1000, signal);
    } catch (error) {
      this.#tokens = Math.min(this.#tokens + 1, this.#burst);
      throw error;
    }
  }

  #refill(): void {
    const now = this.#clock.now().mono;
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#qps);
    this.#at = now;
  }
}
