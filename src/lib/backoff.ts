/** How waits grow between attempts. `jitter` 0.2 spreads each wait evenly over [wait, 1.2 × wait]. */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor?: number;
  readonly jitter?: number;
}

/** The wait before retry number `attempt` (0 is the first). Pure: `random` is a number in [0, 1). The cap holds before jitter. */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: number): number {
  const wait = Math.min(policy.initialMs * (policy.factor ?? 2) ** attempt, policy.maxMs);
  return wait * (1 + (policy.jitter ?? 0) * random);
}

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
