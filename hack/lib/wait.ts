import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Milliseconds until it gives up. */
  timeout: number;
  /** Milliseconds between two looks; 100 unless said. */
  interval?: number;
}

/**
 * Looks until `condition` returns something truthy, and returns that. An error thrown by the condition ends the wait at
 * once, so a condition that wants to be asked again returns undefined or false.
 */
export async function waitFor<T>(
  what: string,
  options: WaitOptions,
  condition: () => Promise<T> | T,
): Promise<NonNullable<T>> {
  const end = performance.now() + options.timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`gave up waiting for ${what} after ${options.timeout / 1000} s`);
    await sleep(options.interval ?? 100);
  }
}
