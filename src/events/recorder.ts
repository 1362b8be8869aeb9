import { ApiError, isNotFound } from '../api/apiError.ts';
import type { ApiClient } from '../api/client.ts';
import { rfc3339 } from '../k8s/rfc3339.ts';
import { bounded, EVENT_BYTES } from '../lib/bounded.ts';
import { type Clock, realClock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { RateLimiter } from '../lib/limiter.ts';
import { type Logger, silentLogger } from '../lib/logger.ts';
import type { Event, ObjectReference } from '../types/k8s.ts';
import { type Correlation, EventCorrelator, eventName } from './correlator.ts';

/** The object an event is about. */
export interface EventSubject extends ObjectReference {
  readonly kind: string;
  readonly name: string;
}
export interface EventDetails {
  /** e.g. `spec.containers{web}`. */
  readonly fieldPath?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The event of this name about the same object is updated, if there is one. */
  readonly update?: string;
}

export interface EventRecorderOptions {
  readonly nodeName: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly logger?: Logger;
  /** eventRecordQPS and eventBurst; the config's defaults are 50 and 100. qps 0 or less: no limit. */
  readonly qps?: number;
  readonly burst?: number;
  readonly queueLength?: number;
  /**
   * ms that Normal events wait before they are written, together. They come while a Pod starts or ends, when the runtime needs the
   * machine, and nobody waits for them. A Warning, flush and the end of the recorder end the wait. Default 0.
   */
  readonly holdMs?: number;
}

/** What is written. */
type Wanted = Exclude<Correlation, { action: 'skip' }>;

/** client-go's queue and retries. */
const QUEUE = 1000;
const TRIES = 12;
const RETRY_MS = 10_000;
/** How long the end of the recorder waits for what is queued. */
const LAST_WORDS_MS = 1000;

/** Writes events about the node's objects. Losing one never hurts: recording neither waits nor throws. */
export class EventRecorder implements AsyncDisposable {
  readonly #client: ApiClient;
  readonly #nodeName: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #limit: number;
  readonly #holdMs: number;
  readonly #correlator = new EventCorrelator();
  readonly #queue: Wanted[] = [];
  readonly #abort = new AbortController();
  #draining: Promise<void> | undefined;
  #endHold: (() => void) | undefined;
  #dropped = 0;
  #serial = 0;

  constructor(client: ApiClient, options: EventRecorderOptions) {
    this.#clock = options.clock ?? realClock;
    this.#client = client.withLimiter(new RateLimiter(this.#clock, options.qps ?? 50, options.burst ?? 100));
    this.#nodeName = options.nodeName;
    this.#random = options.random ?? Math.random;
    this.#logger = options.logger ?? silentLogger;
    this.#limit = options.queueLength ?? QUEUE;
    this.#holdMs = options.holdMs ?? 0;
  }

  /**
   * Queues an event, its message cut at 1 KiB. Returns at once; order is kept. A full queue drops it and counts. false: the correlator
   * says that there have been enough of its kind, so that it is not written, or it only updates one: neither is worth a line in a log.
   */
  record(
    subject: EventSubject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    details: EventDetails = {},
  ): boolean {
    if (this.#abort.signal.aborted) return true;
    const event = this.#event(subject, type, reason, bounded(message, EVENT_BYTES), details);
    const { mono } = this.#clock.now();
    const stamp = event.lastTimestamp!;
    const { update } = details;
    const correlation =
      update === undefined
        ? this.#correlator.correlate(event, mono, stamp, this.#suffix())
        : this.#correlator.update(event, update, mono, stamp);
    if (correlation.action === 'skip') return false;
    if (update !== undefined && this.#replaceQueued(correlation)) return false;
    if (this.#queue.length >= this.#limit) {
      this.#dropped++;
      return true;
    }
    this.#queue.push(correlation);
    this.#draining ??= this.#drain();
    if (type === 'Warning') this.#endHold?.();
    return update === undefined || correlation.action === 'create';
  }

  /** What waits to be written is out of date. The first in the queue may be on its way. */
  #replaceQueued(next: Wanted): boolean {
    const at = this.#queue.findIndex(({ key, action }, i) => i > 0 && action === 'patch' && key === next.key);
    if (at < 0) return false;
    this.#queue[at] = next;
    return true;
  }

  /** Events lost because the queue was full or the API server could not be reached for too long. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Events that wait to be written. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Resolves when all that is queued now was written or given up. */
  async flush(): Promise<void> {
    while (this.#draining) {
      this.#endHold?.();
      await this.#draining;
    }
  }

  /** Writes what is queued, if that takes no more than a second, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#draining) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      using _limit = this.#clock.setTimer(LAST_WORDS_MS, resolve);
      await Promise.race([this.flush(), late]);
    }
    this.#abort.abort();
    this.#queue.length = 0;
  }

  #event(
    subject: EventSubject,
    type: string,
    reason: string,
    message: string,
    { fieldPath, annotations }: EventDetails,
  ): Event {
    const stamp = this.#stamp();
    const involvedObject = fieldPath === undefined ? subject : { ...subject, fieldPath };
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: eventName(subject.name, this.#suffix()),
        namespace: subject.namespace || 'default',
        ...(annotations ? { annotations } : null),
      },
      involvedObject,
      reason,
      message,
      type,
      source: { component: 'kubelet', host: this.#nodeName },
      firstTimestamp: stamp,
      lastTimestamp: stamp,
      count: 1,
      reportingComponent: 'kubelet',
      reportingInstance: this.#nodeName,
    };
  }

  async #drain(): Promise<void> {
    // Lets the caller's turn end first in any case: recording must not start a request from within somebody's decision.
    await this.#hold();
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (this.#abort.signal.aborted) break;
      await this.#write(next);
      this.#queue.shift();
    }
    // In the same turn as the last look at the queue, so that no event can slip in between and stay there.
    this.#draining = undefined;
  }

  async #hold(): Promise<void> {
    if (this.#holdMs === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#clock.setTimer(this.#holdMs, resolve);
    this.#endHold = resolve;
    await promise;
    this.#endHold = undefined;
  }

  async #write(correlation: Wanted): Promise<void> {
    for (let attempt = 1; !this.#abort.signal.aborted; attempt++) {
      try {
        this.#correlator.accepted(correlation.key, await this.#send(correlation));
        return;
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        const { reason, involvedObject } = correlation.event;
        const fields = {
          reason,
          object: `${involvedObject.namespace ?? ''}/${involvedObject.name}`,
          error: errorMessage(error),
        };
        // The server understood and said no: it would again.
        if (error instanceof ApiError) return this.#logger.debug('the API server rejected an event', fields);
        if (attempt >= TRIES) {
          this.#dropped++;
          return this.#logger.warn('gave up writing an event after 12 attempts', fields);
        }
        // The first wait is spread, so that nodes do not come back all at once after an outage.
        const wait = attempt === 1 ? RETRY_MS * this.#random() : RETRY_MS;
        await sleep(this.#clock, wait, this.#abort.signal).catch(() => {});
      }
    }
  }

  async #send(correlation: Wanted): Promise<Event> {
    const { event } = correlation;
    const options = { signal: this.#abort.signal };
    const namespace = event.metadata.namespace!;
    if (correlation.action === 'patch') {
      try {
        return await this.#client.patch(
          'Event',
          { namespace, name: event.metadata.name! },
          'strategic',
          correlation.patch,
          options,
        );
      } catch (error) {
        // Events live an hour; the counted one may be gone by now.
        if (!isNotFound(error)) throw error;
      }
    }
    return this.#client.create('Event', event, options);
  }

  #stamp(): string {
    return rfc3339(this.#clock.now().wall);
  }

  /** Unique by wall time and a serial number, in hexadecimal like client-go's nanoseconds. */
  #suffix(): string {
    return (BigInt(Math.floor(this.#clock.now().wall)) * 1_000_000n + BigInt(this.#serial++ % 1_000_000)).toString(16);
  }
}
