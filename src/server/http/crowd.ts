import type { Clock } from '../../lib/clock.ts';

/** Fewer connections than this leave nothing behind that is worth the trouble. */
const CROWD = 64;
/** How long after a crowd's end its memory is freed and can be handed back. */
const AFTER_MS = 10_000;

/** Notices when many connections were open at once and most of them are closed: then their memory should go back. */
export class Crowd implements Disposable {
  readonly #clock: Clock;
  readonly #over: () => void;
  #open = 0;
  #most = 0;
  #timer: Disposable | undefined;

  /** `over` is called once for each crowd, a while after it has gone. */
  constructor(clock: Clock, over: () => void) {
    this.#clock = clock;
    this.#over = over;
  }

  opened(): void {
    this.#open += 1;
    this.#most = Math.max(this.#most, this.#open);
  }

  closed(): void {
    this.#open -= 1;
    if (this.#timer || this.#most < CROWD || this.#open > this.#most / 4) return;
    this.#timer = this.#clock.setTimer(AFTER_MS, () => {
      this.#timer = undefined;
      this.#most = this.#open;
      this.#over();
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }
}
