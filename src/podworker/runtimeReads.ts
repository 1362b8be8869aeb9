import { type BackoffPolicy, backoffDelay } from '../lib/backoff.ts';
import { errorMessage } from '../lib/errors.ts';
import type { FactSheet } from './factSheet.ts';
import type { WorkerPorts } from './workerPorts.ts';

/** How long an event waits at most for calls of the same Pod that are under way. */
const hintDelayMs = 250;
/** Pause before a failed read of the runtime is repeated: 100 ms doubling to 5 s. */
const readRetry: BackoffPolicy = { initialMs: 100, maxMs: 5_000 };

/** The worker whose Pod is read. */
interface Reader {
  /** Aborted when the worker is over. */
  readonly life: AbortSignal;
  /** A call of ours is under way that the runtime echoes with an event. */
  echoing(): boolean;
  wake(): void;
}

/** When one Pod is read from the runtime. What a read tells, and why one failed, goes to the Pod's facts. Disposing ends the timers. */
export class RuntimeReads implements Disposable {
  readonly #facts: FactSheet;
  readonly #ports: Pick<WorkerPorts, 'clock' | 'observe'>;
  readonly #reader: Reader;
  #hintTimer: Disposable | undefined;
  #reading = false;
  #again = false;
  #failures = 0;
  #timer: Disposable | undefined;

  constructor(facts: FactSheet, ports: Pick<WorkerPorts, 'clock' | 'observe'>, reader: Reader) {
    this.#facts = facts;
    this.#ports = ports;
    this.#reader = reader;
  }

  /**
   * The runtime says that something happened to the Pod. Most of its events are echoes of calls of ours that are just under way
   * and bring their own results: while one is, the read waits for it, but not for long.
   */
  hint(): void {
    if (this.#hintTimer) return;
    if (!this.#reader.echoing()) {
      this.lookAgain();
      return;
    }
    this.#hintTimer = this.#ports.clock.setTimer(hintDelayMs, () => this.#takeHint());
  }

  /** Something of the Pod may have changed in the runtime: read it again. One read is under way at most, one more is kept. */
  lookAgain(): void {
    if (this.#reader.life.aborted) return;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#reading = true;
    void this.#read();
  }

  /** A turn of the worker is over; `readDue`: it needs to know more. A read that failed is repeated in its own time: no turn hurries it. */
  turned(readDue: boolean): void {
    if (this.#hintTimer && !this.#reader.echoing()) this.#takeHint();
    if (readDue && !this.#timer) this.lookAgain();
  }

  [Symbol.dispose](): void {
    this.#hintTimer?.[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
  }

  #takeHint(): void {
    this.#hintTimer?.[Symbol.dispose]();
    this.#hintTimer = undefined;
    this.lookAgain();
  }

  async #read(): Promise<void> {
    let failed: unknown;
    try {
      const pod = await this.#ports.observe(this.#facts.uid, this.#reader.life);
      this.#facts.observation.read(pod);
      this.#facts.readProblem = undefined;
      this.#failures = 0;
    } catch (error) {
      failed = error;
    }
    this.#reading = false;
    if (this.#reader.life.aborted) return;
    if (failed !== undefined) this.#later(failed);
    else if (this.#again) {
      this.#again = false;
      this.lookAgain();
    }
    this.#reader.wake();
  }

  #later(error: unknown): void {
    this.#facts.readProblem = errorMessage(error);
    this.#again = false;
    const delay = backoffDelay(readRetry, this.#failures++, 0) * (0.75 + 0.5 * this.#facts.seed);
    this.#timer = this.#ports.clock.setTimer(delay, () => this.lookAgain());
  }
}
