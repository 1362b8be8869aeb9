/**
 * One piece of work, done again and again, one after the other: whoever asks while a round waits for its turn shares that round, since it
 * sees things as they are then. So a value that is written down whole is written once for all who changed it meanwhile.
 */
export class SharedTurn<T> {
  readonly #work: () => Promise<T>;
  #running: Promise<void> | undefined;
  #next: Promise<T> | undefined;

  /** `work` looks at things, or writes them, as they are when it is called. */
  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** Settles with a round that begins after this call, and rejects with its error. */
  take(): Promise<T> {
    this.#next ??= (this.#running ?? Promise.resolve()).then(() => {
      this.#next = undefined;
      const round = this.#work();
      const running = round.then(ignore, ignore).then(() => {
        if (this.#running === running) this.#running = undefined;
      });
      this.#running = running;
      return round;
    });
    return this.#next;
  }

  /** Nothing is under way and nobody waits. */
  get idle(): boolean {
    return !this.#running && !this.#next;
  }

  /** Resolves when nothing is under way any more. Rejects never. */
  async settled(): Promise<void> {
    await this.#next?.then(ignore, ignore);
    await this.#running;
  }
}

const ignore = () => {};
