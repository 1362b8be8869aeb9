/** Something to wait for that may have happened already: any number of calls before a wait are one. */
export class WakeUp {
  #pending = false;
  #resolve: (() => void) | undefined;

  call(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  /** Resolves at the next call, at once if there was one since the last wait. */
  async wait(): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#resolve = undefined;
    this.#pending = false;
  }
}
