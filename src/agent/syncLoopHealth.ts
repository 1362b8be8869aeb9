import { formatDuration } from '../k8s/duration.ts';
import type { Clock } from '../lib/clock.ts';

/** kubelet never calls its loop hung earlier than this. */
const LEAST_MS = 5 * 60_000;

/** The Go kubelet's threshold for its relists, of which it makes one each second; here one is due every 45 s. */
const PLEG_MS = 3 * 60_000;

/**
 * Whether the loop that keeps Pods in step with the runtime still turns (healthz's `syncloop`). There is no one loop here: a worker
 * turns when an event wakes it. What must go on whatever happens is the full list of the runtime, which repairs lost events: as in
 * kubelet, whose loop stands still while the runtime does not answer, it is hung when none has come through for twice syncFrequency,
 * and never before five minutes. An event loop that does not turn at all answers no check.
 */
export class SyncLoopHealth {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #last: number | undefined;

  constructor(clock: Clock, syncFrequencyMs: number) {
    this.#clock = clock;
    this.#limitMs = Math.max(2 * syncFrequencyMs, LEAST_MS);
  }

  /** The loop came round. */
  turned(): void {
    this.#last = this.#clock.now().mono;
  }

  /**
   * kubelet's sentence while the runtime has not been listed for longer than 3 minutes: whether the call hangs or fails, nobody knows by then
   * what runs, and the Node is not Ready. There is no PLEG here; the words are what people and alerts look for.
   */
  unlisted(): string | undefined {
    if (this.#last === undefined) return 'PLEG is not healthy: pleg has yet to be successful';
    const elapsed = this.#clock.now().mono - this.#last;
    if (elapsed <= PLEG_MS) return undefined;
    const ago = formatDuration(Math.round(elapsed));
    return `PLEG is not healthy: pleg was last seen active ${ago} ago; threshold is ${formatDuration(PLEG_MS)}`;
  }

  /** kubelet's sentence while it is hung. Before the first turn the start is not over: nothing is wrong yet. */
  problem(): string | undefined {
    const late = this.#last !== undefined && this.#clock.now().mono - this.#last > this.#limitMs;
    return late ? 'sync Loop took longer than expected' : undefined;
  }
}
