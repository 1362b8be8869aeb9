/**
 * A value that is written down whole, one write after the other: whoever asks while a write waits for its turn shares it, since that one
 * takes the value as it is then.
 */
export class SharedWrite {
  readonly #write: () => Promise<void>;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `write` writes the value as it is when it is called. */
  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when the value as it is now is written; rejects with its write's error. */
  save(): Promise<void> {
    this.#next ??= (this.#writing ?? Promise.resolve()).then(() => {
      this.#next = undefined;
      const writing = this.#write();
      this.#writing = writing.catch(() => {});
      return writing;
    });
    return this.#next;
  }

  /** Resolves when nothing is being written any more. Rejects never. */
  async settled(): Promise<void> {
    await this.#next?.catch(() => {});
    await this.#writing;
  }
}
