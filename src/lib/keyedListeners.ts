import { disposable, Listeners } from './disposables.ts';

/** Callbacks that come and go, each for one key. A key that nobody listens to any more is forgotten. */
export class KeyedListeners {
  readonly #byKey = new Map<string, Listeners<[]>>();

  /** How many keys are listened to. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Calls `fn` at each `emit` of the key until it is disposed of. */
  add(key: string, fn: () => void): Disposable {
    const listeners = this.#byKey.get(key) ?? new Listeners<[]>();
    this.#byKey.set(key, listeners);
    const added = listeners.add(fn);
    return disposable(() => {
      added[Symbol.dispose]();
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
    });
  }

  /** Calls who listens to the key, in order of arrival. Throws the first listener's error after all have run. */
  emit(key: string): void {
    this.#byKey.get(key)?.emit();
  }

  /** Calls everybody. Throws at the first key of which a listener throws, after all of that key have run. */
  emitAll(): void {
    for (const listeners of [...this.#byKey.values()]) listeners.emit();
  }
}
