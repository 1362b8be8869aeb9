// Keeps the runtime's event stream open. Events only wake; whoever is woken reads the truth.
import { Backoff } from '../lib/backoffCounter.ts';
import type { Clock } from '../lib/clock.ts';
import type { RpcError } from '../rpc/error.ts';
import type { ContainerEvent } from './calls/events.ts';
import type { Cri } from './client.ts';
import { isUnimplemented } from './error.ts';

export type { ContainerEvent };

export interface EventWatchOptions {
  cri: Pick<Cri, 'containerEvents' | 'version'>;
  clock: Clock;
  /** A hint that this Pod changed. May be minutes old, repeated or out of order. */
  onEvent(event: ContainerEvent): void;
  /** A stream is open: a full read sent now misses nothing that happens later. Called again after each loss. */
  onConnected(): void;
  /** The stream broke or could not be opened; called once until it is open again. It is retried meanwhile. */
  onLost(error: RpcError | undefined): void;
  /** The runtime has no event stream (containerd 1.6): called once, nothing is retried, the caller polls. */
  onUnsupported(): void;
  random?: () => number;
}

const BACKOFF = { initialMs: 100, maxMs: 5000, jitter: 0.2 };
const STEADY_MS = 10_000; // a stream that lived this long was a good one

/** Opens the stream and re-opens it with back-off until disposed. The stream is never paused: containerd would block on it. */
export function watchEvents(options: EventWatchOptions): Disposable {
  const watch = new EventWatch(options);
  watch.open();
  return watch;
}

class EventWatch implements Disposable {
  readonly #options: EventWatchOptions;
  readonly #backoff: Backoff;
  #stop: () => void = () => {};
  #retry: Disposable | undefined;
  #disposed = false;
  /** Whether the caller was told of a loss and of no connection since. */
  #lost = false;

  constructor(options: EventWatchOptions) {
    this.#options = options;
    this.#backoff = new Backoff(BACKOFF, options.random);
  }

  open(): void {
    const { cri, clock, onEvent } = this.#options;
    const openedAt = clock.now().mono;
    let live = true;
    let connected = false;
    const connect = () => {
      if (!live || connected || this.#disposed) return;
      connected = true;
      this.#lost = false;
      this.#options.onConnected();
    };
    this.#stop = cri.containerEvents({
      onEvent: (event) => {
        connect();
        if (!this.#disposed) onEvent(event);
      },
      onEnd: (error) => {
        live = false;
        if (clock.now().mono - openedAt >= STEADY_MS) this.#backoff.reset();
        this.#ended(error);
      },
    });
    // A quiet stream sends nothing, not even headers. A call sent after it on the same connection and answered shows that
    // the runtime has received the request for the stream too.
    cri.version().then(connect, () => {
      // The stream itself reports what is wrong with the connection; if only this call failed, the first event connects.
    });
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#retry?.[Symbol.dispose]();
    this.#stop();
  }

  #ended(error: RpcError | undefined): void {
    if (this.#disposed) return;
    if (isUnimplemented(error)) {
      this.#options.onUnsupported();
      return;
    }
    if (!this.#lost) {
      this.#lost = true;
      this.#options.onLost(error);
    }
    this.#retry = this.#options.clock.setTimer(this.#backoff.next(), () => this.open());
  }
}
