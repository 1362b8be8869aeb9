/** A Disposable that runs `fn` at most once. */
export function disposable(fn: () => void): Disposable {
  let live = true;
  return {
    [Symbol.dispose]() {
      if (!live) return;
      live = false;
      fn();
    },
  };
}

/** An AsyncDisposable that runs `fn` at most once; later calls await the first. */
export function asyncDisposable(fn: () => Promise<void>): AsyncDisposable {
  let running: Promise<void> | undefined;
  return {
    [Symbol.asyncDispose]() {
      running ??= fn();
      return running;
    },
  };
}

/** Callbacks that come and go. `emit` calls each in order of arrival; one that throws does not keep the others from running. */
export class Listeners<Args extends unknown[]> {
  readonly #listeners = new Set<{ fn: (...args: Args) => void }>();

  get size(): number {
    return this.#listeners.size;
  }

  add(fn: (...args: Args) => void): Disposable {
    const entry = { fn };
    this.#listeners.add(entry);
    return disposable(() => this.#listeners.delete(entry));
  }

  /** Throws the first listener's error after all have run. */
  emit(...args: Args): void {
    const errors: unknown[] = [];
    for (const entry of [...this.#listeners]) {
      try {
        entry.fn(...args);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
