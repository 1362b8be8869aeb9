/** One instant on both clocks, in milliseconds: `wall` for people and API objects, `mono` for elapsed time. */
export interface Instant {
  readonly wall: number;
  readonly mono: number;
}

/** The only way to time and timers outside `main`; tests hand in a ManualClock. */
export interface Clock {
  now(): Instant;
  /** Calls `fn` once after `ms` (negative counts as 0; any length is allowed). Disposing cancels; disposing late is harmless. */
  setTimer(ms: number, fn: () => void): Disposable;
}

/** Node fires a timer at once when the delay does not fit 31 bits; longer ones are armed in steps. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's clocks. Its timers keep the process alive until they fire or are disposed. */
export const realClock: Clock = {
  now: () => ({ wall: Date.now(), mono: performance.now() }),
  setTimer(ms, fn) {
    let handle: NodeJS.Timeout | undefined;
    const arm = (left: number) => {
      const step = Math.min(Math.max(left, 0), MAX_TIMEOUT_MS);
      handle = setTimeout(() => (left > step ? arm(left - step) : fn()), step);
    };
    arm(Number.isNaN(ms) ? 0 : ms);
    return { [Symbol.dispose]: () => clearTimeout(handle) };
  },
};

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer[Symbol.dispose]();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
