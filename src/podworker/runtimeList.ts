import type { Cri } from '../cri/client.ts';
import { watchEvents } from '../cri/events.ts';
import type { Observer } from '../cri/observe.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** Allowed polls of this module (docs/architecture.md): a slow list that repairs lost events, a fast one without events. */
const slowListMs = 45_000;
const fastListMs = 1_000;

/** What is listed, and who hears of it. */
export interface RuntimeListOptions {
  readonly cri: Cri;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly log: Logger;
  /** The runtime was listed in full. What it throws counts as a list that failed. */
  onListed(pods: Awaited<ReturnType<Observer['observeAll']>>): void;
  /** The runtime says that something happened to this Pod. */
  onEvent(podUid: string): void;
}

/** Everything that the runtime has: listed at the start and seldom afterwards, followed by events in between. */
export class RuntimeList implements Disposable {
  readonly #options: RuntimeListOptions;
  readonly #stack = new DisposableStack();
  #timer: Disposable | undefined;
  #everyMs = slowListMs;
  #stopped = false;

  constructor(options: RuntimeListOptions) {
    this.#options = options;
  }

  /** Resolves after the first full list; then the events are followed. */
  async start(): Promise<void> {
    for (let wait = 100; !this.#stopped; wait = Math.min(5_000, wait * 2)) {
      if (await this.#list()) break;
      await sleep(this.#options.clock, wait);
    }
    this.#watch();
    this.#later();
  }

  /** Lists the runtime now; a failed list is repeated soon. */
  async relist(failures = 0): Promise<void> {
    this.#later((await this.#list()) ? 0 : failures + 1);
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#stack.dispose();
  }

  async #list(): Promise<boolean> {
    const { log, observer } = this.#options;
    try {
      this.#options.onListed(await observer.observeAll());
      return true;
    } catch (error) {
      log.warn('Failed to list the runtime', { error: errorMessage(error) });
      return false;
    }
  }

  // A list that failed is read again soon, and ever later: the events that came meanwhile are in no other.
  #later(failures = 0): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#stopped) return;
    const wait = failures === 0 ? this.#everyMs : Math.min(this.#everyMs, fastListMs * 2 ** (failures - 1));
    this.#timer = this.#options.clock.setTimer(wait, () => void this.relist(failures));
  }

  #watch(): void {
    const { cri, clock, log } = this.#options;
    this.#stack.use(
      watchEvents({
        cri,
        clock,
        onEvent: (event) => this.#options.onEvent(event.podUid),
        onConnected: () => void this.relist(),
        onLost: (error) =>
          log.warn('Lost the event stream of the runtime', { error: error ? errorMessage(error) : 'closed' }),
        onUnsupported: () => {
          log.warn('The runtime has no event stream; it is listed every second instead (containerd 2 has one)');
          this.#everyMs = fastListMs;
          this.#later();
        },
      }),
    );
  }
}
