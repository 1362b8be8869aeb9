import { untilAborted } from './untilAborted.ts';

/** One call at a time for each key. */
export class SharedCalls<T> {
  readonly #running = new Map<string, Promise<T>>();

  /**
   * Begins `work`, unless a call of the key is under way: then that one's end is waited for, however it ends, and `known` says what came of
   * it. Rejects with what `work` rejects with, and for who waits for another's call with the reason of its own signal.
   */
  async run(key: string, signal: AbortSignal | undefined, work: () => Promise<T>, known: () => T): Promise<T> {
    const running = this.#running.get(key);
    if (running) {
      await untilAborted(
        running.catch(() => {}),
        signal,
      );
      return known();
    }
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
