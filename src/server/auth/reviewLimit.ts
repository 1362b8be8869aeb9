import type { ApiClient } from '../../api/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import { HttpError } from '../http/exchange.ts';

/** Reviews that may be under way at one time. */
const IN_FLIGHT = 64;

/** kubeAPIQPS and kubeAPIBurst: what the Go kubelet limits its reviews by too. */
export interface ReviewLimits {
  readonly qps: number;
  readonly burst: number;
}

/**
 * A client for one kind of review. Anybody who reaches the port makes the node ask, with a new token in each request: beyond the rate, or
 * with too many under way, nobody is asked and `create` rejects with 429. What nobody limits is the node's own: heartbeats and statuses.
 */
export function limitReviews(
  client: Pick<ApiClient, 'create'>,
  clock: Clock,
  { qps, burst }: ReviewLimits,
): Pick<ApiClient, 'create'> {
  const limiter = new RateLimiter(clock, qps, burst);
  let inFlight = 0;
  return {
    async create(...request) {
      if (inFlight >= IN_FLIGHT || !limiter.tryAcquire())
        throw new HttpError(429, 'Too many requests, please try again later.\n', { 'retry-after': '1' });
      inFlight += 1;
      try {
        return await client.create(...request);
      } finally {
        inFlight -= 1;
      }
    },
  };
}
