import type { Clock, Instant } from '../clock.ts';

/** A clock that moves only when a test says so. Timers fire in order of time, then of arming. */
export class ManualClock implements Clock {
  #now: Instant;
  #next = 0;
  readonly #timers = new Map<number, { at: number; fn: () => void }>();

  constructor(wall = Date.UTC(2026, 0, 1), mono = 0) {
    this.#now = { wall, mono };
  }

  now(): Instant {
    return this.#now;
  }

  setTimer(ms: number, fn: () => void): Disposable {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now.mono + Math.max(ms, 0), fn });
    return { [Symbol.dispose]: () => void this.#timers.delete(id) };
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer, or undefined without one. */
  get nextIn(): number | undefined {
    const next = this.#first(Number.POSITIVE_INFINITY);
    return next === undefined ? undefined : this.#timers.get(next)!.at - this.#now.mono;
  }

  /** Moves time on and fires what falls due, synchronously; timers armed meanwhile count too. */
  advance(ms: number): void {
    const end = this.#now.mono + ms;
    for (let id = this.#first(end); id !== undefined; id = this.#first(end)) this.#fire(id);
    this.#moveTo(end);
  }

  /** As `advance`, but lets promises settle before, between and after the timers. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now.mono + ms;
    await settle();
    for (let id = this.#first(end); id !== undefined; id = this.#first(end)) {
      this.#fire(id);
      await settle();
    }
    this.#moveTo(end);
    await settle();
  }

  /** Shifts the wall clock only, as NTP or an administrator does. */
  jumpWall(ms: number): void {
    this.#now = { wall: this.#now.wall + ms, mono: this.#now.mono };
  }

  #first(end: number): number | undefined {
    let best: number | undefined;
    let bestAt = Number.POSITIVE_INFINITY;
    for (const [id, { at }] of this.#timers) {
      if (at <= end && at < bestAt) {
        best = id;
        bestAt = at;
      }
    }
    return best;
  }

  #fire(id: number): void {
    const { at, fn } = this.#timers.get(id)!;
    this.#timers.delete(id);
    this.#moveTo(at);
    fn();
  }

  #moveTo(mono: number): void {
    if (mono > this.#now.mono) this.#now = { wall: this.#now.wall + (mono - this.#now.mono), mono };
  }
}

/** Lets everything that waits only for promises run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
