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
