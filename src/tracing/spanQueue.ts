import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';
import { type BackoffPolicy, backoffDelay } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { seldom } from '../lib/seldom.ts';

/** The numbers of Go's batch processor and exporter, ms; but theirs is 512 a batch, and to encode as many would hold other work up. */
export const QUEUE = { spans: 2048, batch: 128, delayMs: 5_000, patienceMs: 60_000 } as const;
const RETRY: BackoffPolicy = { initialMs: 5_000, maxMs: 30_000, jitter: 0.5 };
/** A collector that stays away is told of this often; ms. */
const TOLD_AGAIN_MS = 30 * 60_000;

export interface SpanQueueOptions {
  /** Resolves with how many spans were refused. Rejects when the batch was not taken; an error with `again: false` is final. */
  send(spans: readonly ReadableSpan[]): Promise<number>;
  /** Where it goes, for the log. */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

/**
 * Ended spans on their way to a collector: 128 at a time, at the latest after five seconds, one batch under way. A batch that is not taken is
 * sent again, ever more slowly, and given up after a minute. At most 2,048 spans wait; what comes beyond that is lost. A collector that is
 * slow, gone or hangs costs nothing else: one warning, and one line when it is back.
 */
export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions;
  readonly #warn: (fields: Record<string, unknown>) => void;
  #waiting: ReadableSpan[] = [];
  #sending: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #retry: { readonly timer: Disposable; readonly go: () => void } | undefined;
  /** In a row. */
  #failures = 0;
  /** How many of those that wait are not to wait for more. */
  #due = 0;
  #lost = 0;
  #closed = false;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
    this.#warn = seldom(options.clock, TOLD_AGAIN_MS, (fields) =>
      options.log.warn('Traces cannot be exported; it is tried again, and what does not fit the queue is lost', fields),
    );
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#closed || (span.spanContext().traceFlags & 1) === 0) return;
    if (this.#waiting.length >= QUEUE.spans) {
      this.#lost++;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= QUEUE.batch) this.#pump();
    else this.#timer ??= this.#options.clock.setTimer(QUEUE.delayMs, () => this.#drain());
  }

  /** Sends what waits, now. */
  async forceFlush(): Promise<void> {
    this.#drain();
    this.#retry?.go();
    while (this.#sending) await this.#sending;
  }

  /** Sends what waits, once: nothing is tried again. */
  async shutdown(): Promise<void> {
    this.#closed = true;
    await this.forceFlush();
  }

  /** All that waits now has waited long enough. */
  #drain(): void {
    this.#due = this.#waiting.length;
    this.#pump();
  }

  #pump(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#sending || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, QUEUE.batch);
    this.#due = Math.max(0, this.#due - batch.length);
    this.#sending = this.#deliver(batch).finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length >= QUEUE.batch || this.#due > 0) this.#pump();
      else if (this.#waiting.length > 0) this.#timer = this.#options.clock.setTimer(QUEUE.delayMs, () => this.#drain());
    });
  }

  async #deliver(batch: readonly ReadableSpan[]): Promise<void> {
    const { clock, send, random = Math.random } = this.#options;
    const began = clock.now().mono;
    for (;;) {
      try {
        this.#delivered(await send(batch));
        return;
      } catch (error) {
        this.#failed(error);
        const final = (error as { again?: boolean }).again === false;
        const last = final || this.#closed;
        // Also before the next batch: it would fare no better.
        if (!this.#closed) await this.#pause(backoffDelay(RETRY, this.#failures++, random()));
        if (!last && clock.now().mono - began <= QUEUE.patienceMs) continue;
        this.#lost += batch.length;
        return;
      }
    }
  }

  /** Ends early when somebody flushes. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#retry?.timer[Symbol.dispose]();
        this.#retry = undefined;
        resolve();
      };
      this.#retry = { timer: this.#options.clock.setTimer(ms, go), go };
    });
  }

  #failed(error: unknown): void {
    const { endpoint } = this.#options;
    this.#warn({ endpoint, error: errorMessage(error), lost: this.#lost });
  }

  #delivered(refused: number): void {
    const { endpoint, log } = this.#options;
    this.#lost += refused;
    if (refused > 0) this.#warn({ endpoint, error: 'the collector refused spans', lost: this.#lost });
    else if (this.#failures > 0) log.info('Traces are exported again', { endpoint, lost: this.#lost });
    if (refused > 0) return;
    this.#failures = 0;
    this.#lost = 0;
  }
}
