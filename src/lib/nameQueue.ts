/** Runs work for one name one after the other, for different names side by side. */
export class NameQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when everything queued before for the name has settled; gives its result. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const mine = before ? before.then(work, work) : work();
    this.#last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    }
  }
}
