import type { Clock } from '../lib/clock.ts';
import { KubeletError } from '../lib/errors.ts';

/** Work that did not end in time. It may still be under way. */
export class DeadlineError extends KubeletError {}

/**
 * Runs `work`, at most `ms` long. Its signal aborts when `outer` does or time is up. An abort alone does not end the wait: who honours
 * the signal ends soon, and who does not is left behind at the deadline with a DeadlineError.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const late = Promise.withResolvers<never>();
  using _timer = clock.setTimer(ms, () => {
    const error = new DeadlineError(`${what} did not end within ${ms} ms`, {
      code: 'DeadlineExceeded',
    });
    over.abort(error);
    late.reject(error);
  });
  const signal = outer ? AbortSignal.any([outer, over.signal]) : over.signal;
  // `async`, so that what throws at once and what rejects later are one.
  return await Promise.race([(async () => work(signal))(), late.promise]);
}
