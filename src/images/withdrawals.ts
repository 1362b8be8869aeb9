import { untilAborted } from '../lib/untilAborted.ts';
import { imageNames } from './rules/imageUse.ts';

interface Withdrawal {
  readonly names: ReadonlySet<string>;
  readonly over: Promise<void>;
}

/** Removals of images that are under way, and who has to wait for one: only those who want that image. */
export class Withdrawals {
  readonly #running = new Set<Withdrawal>();

  /** Settles as `remove` does. */
  async run(names: readonly string[], remove: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const withdrawal = { names: new Set(names), over: promise };
    this.#running.add(withdrawal);
    try {
      await remove();
    } finally {
      this.#running.delete(withdrawal);
      resolve();
    }
  }

  /** Resolves when no image that `ref` may mean is being removed; rejects only when the signal aborts first. */
  async over(ref: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.#running.size === 0) return;
    const wanted = imageNames(ref);
    for (const { names, over } of [...this.#running])
      if (wanted.some((name) => names.has(name))) await untilAborted(over, signal);
  }
}
