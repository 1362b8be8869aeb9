// The plug-ins of all resources: connected, replaced, stopped, forgotten after a grace.
import { type Clock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { RateLimiter } from '../lib/limiter.ts';
import type { Logger } from '../lib/logger.ts';
import type { DeviceBook } from './book.ts';
import { DeviceEndpoint, DevicePluginError } from './endpoint.ts';
import { readDevices } from './rules/deviceList.ts';
import { MAX_RESOURCES } from './rules/limits.ts';
import type { DeviceTimeouts } from './timeouts.ts';

/** How long a resource without a plug-in stays in the Node's capacity (kubelet's endpointStopGracePeriod). */
export const STOP_GRACE_MS = 5 * 60_000;

export interface EndpointsOptions {
  readonly book: DeviceBook;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timeouts: DeviceTimeouts;
  /** The plug-in's list was taken into the book. `pods`: whose devices it changes. The next list waits for the promise. */
  onDevices(resource: string, pods: readonly string[]): Promise<void>;
  /** A plug-in is gone, or its grace is over (`forgotten`). */
  onGone(resource: string, forgotten: boolean): void;
}

/** How often a plug-in's list is taken: decoding a long one takes a while, and a plug-in may send without end. */
const LISTS_PER_SECOND = 10;
const LISTS_AT_ONCE = 20;
/** After a list that took longer than this, in ms, the others have this many times as long. */
const LONG_MS = 5;
const SHARE = 9;
const LONGEST_MS = 2_000;

/** A resource's plug-in. */
type State =
  | { readonly state: 'running'; readonly endpoint: DeviceEndpoint; readonly socket: string }
  /** It is gone, or did not come back since this process started. */
  | { readonly state: 'stopped'; readonly grace: Disposable; readonly preStart: boolean };

/** Looks after the plug-ins. Disposing it lets go of them as they are. */
export class DeviceEndpoints implements Disposable {
  readonly #options: EndpointsOptions;
  readonly #states = new Map<string, State>();
  readonly #connecting = new Map<string, AbortController>();
  #over = false;

  constructor(options: EndpointsOptions) {
    this.#options = options;
  }

  /** These had plug-ins in an earlier life: their grace begins now. */
  expect(resources: readonly string[]): void {
    for (const resource of resources) this.#stopped(resource, false);
  }

  /** The running plug-in of a resource; `stopped` within its grace; undefined: none is known. */
  get(resource: string): DeviceEndpoint | 'stopped' | undefined {
    const known = this.#states.get(resource);
    return known?.state === 'running' ? known.endpoint : known?.state;
  }

  /** Whether the resource's plug-in, there or not, wants a call before each start of a container. */
  wantsPreStart(resource: string): boolean {
    const known = this.#states.get(resource);
    if (known?.state === 'running') return known.endpoint.options.preStartRequired;
    return known?.preStart ?? false;
  }

  /**
   * Takes a plug-in into use; one that has the resource already is replaced, also one that is just being connected. Rejects with Go's
   * sentence and leaves everything as it was, or was until it asks again.
   */
  async connect(resource: string, socket: string, signal?: AbortSignal): Promise<void> {
    const { timeouts, log } = this.#options;
    if (!this.#states.has(resource) && this.#states.size + this.#connecting.size >= MAX_RESOURCES)
      throw new DevicePluginError(`device plug-ins of ${MAX_RESOURCES} resources are registered; no more are taken`);
    this.#connecting.get(resource)?.abort();
    const mine = new AbortController();
    this.#connecting.set(resource, mine);
    try {
      const wanted = signal ? AbortSignal.any([signal, mine.signal]) : mine.signal;
      const endpoint = await DeviceEndpoint.connect(resource, socket, timeouts, wanted);
      if (this.#over || wanted.aborted) {
        endpoint[Symbol.dispose]();
        throw new DevicePluginError(`the device plug-in of ${resource} at ${socket} is not wanted any more`);
      }
      this.#run(endpoint, socket);
      log.info('Device plug-in connected', { resource, socket });
    } finally {
      if (this.#connecting.get(resource) === mine) this.#connecting.delete(resource);
    }
  }

  /** Lets go of the plug-in at this socket; harmless when another one has its resource by now. */
  disconnect(resource: string, socket: string): void {
    const known = this.#states.get(resource);
    if (known?.state !== 'running' || known.socket !== socket) return;
    this.#gone(resource, known.endpoint, 'it was deregistered');
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const connecting of this.#connecting.values()) connecting.abort();
    for (const known of this.#states.values())
      if (known.state === 'running') known.endpoint[Symbol.dispose]();
      else known.grace[Symbol.dispose]();
    this.#states.clear();
  }

  #run(endpoint: DeviceEndpoint, socket: string): void {
    const { resource } = endpoint;
    const before = this.#states.get(resource);
    this.#states.set(resource, { state: 'running', endpoint, socket });
    if (before?.state === 'running') before.endpoint[Symbol.dispose]();
    else before?.grace[Symbol.dispose]();
    let said = '';
    const limiter = new RateLimiter(this.#options.clock, LISTS_PER_SECOND, LISTS_AT_ONCE);
    const over = new AbortController();
    const now = () => this.#options.clock.now().mono;
    endpoint.watch({
      devices: async (list) => {
        const began = now();
        const { devices, leftOut } = readDevices(list);
        if (leftOut !== undefined && leftOut !== said)
          this.#options.log.warn('Devices of a plug-in are left out', { resource, devices: leftOut });
        said = leftOut ?? '';
        const written = this.#options.onDevices(resource, this.#options.book.setDevices(resource, devices));
        const took = now() - began;
        await written;
        await limiter.acquire(over.signal);
        if (took > LONG_MS) await sleep(this.#options.clock, Math.min(took * SHARE, LONGEST_MS), over.signal);
      },
      ended: (problem) => {
        over.abort();
        this.#gone(resource, endpoint, problem);
      },
    });
  }

  #gone(resource: string, endpoint: DeviceEndpoint, problem: string): void {
    endpoint[Symbol.dispose]();
    const known = this.#states.get(resource);
    if (this.#over || known?.state !== 'running' || known.endpoint !== endpoint) return;
    this.#options.log.warn('A device plug-in is gone; none of its devices can be given until it is back', {
      resource,
      problem: errorMessage(problem),
    });
    this.#options.book.stop(resource);
    this.#stopped(resource, endpoint.options.preStartRequired);
    this.#options.onGone(resource, false);
  }

  #stopped(resource: string, preStart: boolean): void {
    const grace = this.#options.clock.setTimer(STOP_GRACE_MS, () => {
      this.#states.delete(resource);
      this.#options.book.forget(resource);
      this.#options.onGone(resource, true);
    });
    this.#states.set(resource, { state: 'stopped', grace, preStart });
  }
}
