import { untilAborted } from '../lib/untilAborted.ts';

/**
 * Lets one at a time at each claim: drivers must not be asked to unprepare what they are still preparing for another Pod. Who waits for a
 * claim holds no other that comes later in the order, so nobody waits in a circle.
 */
export class ClaimLocks {
  readonly #last = new Map<string, Promise<void>>();

  /** Whether somebody has one of them now. */
  taken(keys: readonly string[]): boolean {
    return keys.some((key) => this.#last.has(key));
  }

  /** Resolves when all of them are the caller's; disposing gives them back. Rejects with the signal's reason. */
  async acquire(keys: readonly string[], signal: AbortSignal): Promise<Disposable> {
    using held = new DisposableStack();
    for (const key of [...new Set(keys)].sort()) held.use(await this.#one(key, signal));
    return held.move();
  }

  async #one(key: string, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const before = this.#last.get(key);
    const mine = Promise.withResolvers<void>();
    // Who gives up keeps its place in the row: the next one still waits for whoever was before.
    const over = (before ?? Promise.resolve()).then(() => mine.promise);
    this.#last.set(key, over);
    void over.then(() => {
      if (this.#last.get(key) === over) this.#last.delete(key);
    });
    try {
      if (before) await untilAborted(before, signal);
    } catch (error) {
      mine.resolve();
      throw error;
    }
    return { [Symbol.dispose]: () => mine.resolve() };
  }
}
