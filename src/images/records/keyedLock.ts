/** One at a time for each key, in the order of the calls. */
export class KeyedLock {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` after what was asked for under the same key before, however that ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#last.get(key);
    this.#last.set(key, promise);
    try {
      await before;
      return await work();
    } finally {
      if (this.#last.get(key) === promise) this.#last.delete(key);
      resolve();
    }
  }
}
