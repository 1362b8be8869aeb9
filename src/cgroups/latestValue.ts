/**
 * Writes the newest of many values: equal ones are dropped, and of those that come while one is being written only the last is
 * written next. The returned promise settles when the given value, or a later one, is in force; after a failure the next call writes
 * again, whatever its value.
 */
export class LatestValue<T> {
  readonly #write: (value: T) => Promise<void>;
  readonly #same: (a: T | undefined, b: T | undefined) => boolean;
  #wanted: T | undefined;
  #written: T | undefined;
  #running: Promise<void> | undefined;

  constructor(write: (value: T) => Promise<void>, same: (a: T | undefined, b: T | undefined) => boolean = Object.is) {
    this.#write = write;
    this.#same = same;
  }

  /** Writes the last value once more: somebody may have changed what it is written to, or the last write failed. Nothing before the first value. */
  async again(): Promise<void> {
    if (this.#wanted === undefined || this.#running) return;
    this.#written = undefined;
    await this.set(this.#wanted);
  }

  set(value: T): Promise<void> {
    this.#wanted = value;
    if (!this.#running) {
      if (this.#same(value, this.#written)) return Promise.resolve();
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
    }
    return this.#running;
  }

  async #run(): Promise<void> {
    // Values of the same turn are one write.
    await Promise.resolve();
    while (!this.#same(this.#wanted, this.#written)) {
      const value = this.#wanted as T;
      this.#written = undefined;
      await this.#write(value);
      this.#written = value;
    }
  }
}
