import { Listeners } from '../../lib/disposables.ts';

/** Whether the machine is about to shut down: the one place where everybody looks. */
export class ShuttingDown {
  readonly #changes = new Listeners<[]>();
  #active = false;

  get active(): boolean {
    return this.#active;
  }

  /** Only the coordinator of the node's end calls this. */
  set(active: boolean): void {
    if (active === this.#active) return;
    this.#active = active;
    this.#changes.emit();
  }

  onChange(listener: () => void): Disposable {
    return this.#changes.add(listener);
  }
}
