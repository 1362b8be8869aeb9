import { SharedTurn } from './sharedTurn.ts';

/**
 * A value that is written down whole, one write after the other: whoever asks while a write waits for its turn shares it, since that one
 * takes the value as it is then.
 */
export class SharedWrite {
  readonly #turn: SharedTurn<void>;

  /** `write` writes the value as it is when it is called. */
  constructor(write: () => Promise<void>) {
    this.#turn = new SharedTurn(write);
  }

  /** Resolves when the value as it is now is written; rejects with its write's error. */
  save(): Promise<void> {
    return this.#turn.take();
  }

  /** Resolves when nothing is being written any more. Rejects never. */
  settled(): Promise<void> {
    return this.#turn.settled();
  }
}
