import { type BackoffPolicy, backoffDelay } from './backoff.ts';

/** Counts attempts for one policy. */
export class Backoff {
  readonly #policy: BackoffPolicy;
  readonly #random: () => number;
  #attempt = 0;

  constructor(policy: BackoffPolicy, random: () => number = Math.random) {
    this.#policy = policy;
    this.#random = random;
  }

  /** The next wait in milliseconds. */
  next(): number {
    return backoffDelay(this.#policy, this.#attempt++, this.#random());
  }

  /** Starts again from the first wait, after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}
