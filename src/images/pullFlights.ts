import { createHash } from 'node:crypto';
import type { AuthConfig, ImageSpec, PodSandboxConfig } from '../cri/generated/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import { RateLimiter } from '../lib/limiter.ts';
import { PullErrors } from './pullErrors.ts';

/** The one runtime call that a flight makes; `Cri` satisfies it. */
export interface PullService {
  pullImage(
    image: ImageSpec,
    auth: AuthConfig | undefined,
    sandboxConfig: PodSandboxConfig | undefined,
    options?: { signal?: AbortSignal },
  ): Promise<string>;
}

export interface PullLimits {
  /**
   * Pulls at the same time (maxParallelImagePulls). The Go kubelet's default is one after the other (serializeImagePulls);
   * here it is 5, because one large or slow image must not hold up every other Pod.
   */
  readonly maxParallel: number;
  /** registryPullQPS and registryBurst; a QPS of 0 means no limit. */
  readonly qps: number;
  readonly burst: number;
}

export const DEFAULT_PULL_LIMITS: PullLimits = { maxParallel: 5, qps: 5, burst: 10 };

/** Pulls at the same time of which nothing comes, beyond those that hold a place: as many as a node has Pods by default. */
const MAX_STALLED = 110;

/** What distinguishes one pull from another. */
export interface FlightRequest {
  readonly spec: ImageSpec;
  /** Tried in order; empty: one attempt without. */
  readonly auths: readonly AuthConfig[];
  readonly sandboxConfig?: PodSandboxConfig;
}

/** A finished pull; `startedAt` and `endedAt` (monotonic ms) bound the runtime's part. */
export interface FlightResult {
  readonly imageRef: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Which of the credentials the registry accepted; absent when there were none. */
  readonly used?: number;
}

interface Flight {
  readonly key: string;
  readonly request: FlightRequest;
  readonly controller: AbortController;
  readonly onMove: Set<(position: number | undefined) => void>;
  readonly done: Promise<FlightResult>;
  readonly land: (result: Promise<FlightResult>) => void;
}

/**
 * Pulls with a limit, first come first served (those of which nothing comes do not count), and one flight for everybody who wants the same image with the same
 * credentials. Over the registry's rate a pull waits for its turn, where the Go kubelet fails it with "pull QPS exceeded".
 */
export class PullFlights {
  readonly #service: PullService;
  readonly #clock: Clock;
  readonly #limiter: RateLimiter;
  readonly #maxParallel: number;
  readonly #flights = new Map<string, Flight>();
  #queue: Flight[] = [];
  /** By object, not by key: a cancelled flight may still be in the air when its key flies again. */
  readonly #flying = new Set<Flight>();
  /** Of these, those that hold no place: nothing comes. */
  readonly #stalled = new Set<Flight>();

  constructor(service: PullService, clock: Clock, limits: PullLimits = DEFAULT_PULL_LIMITS) {
    this.#service = service;
    this.#clock = clock;
    this.#limiter = new RateLimiter(clock, limits.qps, limits.burst);
    this.#maxParallel = Math.max(1, limits.maxParallel);
  }

  /** How many pulls the runtime is working on. */
  get flying(): number {
    return this.#flying.size;
  }

  /**
   * Whether anything comes of the pulls of an image. While nothing does, others may fly in their place: a registry that does not answer
   * costs the runtime nothing, and must not keep everybody else's images away.
   */
  stalls(image: string, isStalled: boolean): void {
    const before = this.#stalled.size;
    for (const flight of this.#flying) {
      if (flight.request.spec.userSpecifiedImage !== image && flight.request.spec.image !== image) continue;
      if (!isStalled) this.#stalled.delete(flight);
      else if (this.#stalled.size < MAX_STALLED) this.#stalled.add(flight);
    }
    if (this.#stalled.size > before) this.#launch();
  }

  /**
   * Joins or starts a pull. `onMove` tells the place in the queue (from 1) as it changes, and undefined once the runtime
   * pulls. Rejects with the runtime's error, or with the signal's reason; the runtime's call is cancelled when the last one
   * who wanted it has gone.
   */
  join(
    request: FlightRequest,
    onMove: (position: number | undefined) => void,
    signal?: AbortSignal,
  ): Promise<FlightResult> {
    signal?.throwIfAborted();
    const key = flightKey(request);
    const flight = this.#flights.get(key) ?? this.#enqueue(key, request);
    flight.onMove.add(onMove);
    const place = this.#queue.indexOf(flight);
    onMove(place < 0 ? undefined : place + 1);
    return new Promise((resolve, reject) => {
      const leave = () => {
        flight.onMove.delete(onMove);
        if (flight.onMove.size === 0) this.#cancel(flight);
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      flight.done.then(resolve, reject).finally(() => signal?.removeEventListener('abort', leave));
    });
  }

  #enqueue(key: string, request: FlightRequest): Flight {
    const { promise, resolve } = Promise.withResolvers<FlightResult>();
    promise.catch(() => {}); // each joiner has its own handler; a cancelled flight has none
    const flight = {
      key,
      request,
      controller: new AbortController(),
      onMove: new Set<() => void>(),
      done: promise,
      land: resolve,
    };
    this.#flights.set(key, flight);
    this.#queue.push(flight);
    queueMicrotask(() => this.#launch());
    return flight;
  }

  #launch(): void {
    while (this.#flying.size - this.#stalled.size < this.#maxParallel && this.#queue.length > 0) {
      const flight = this.#queue.shift()!;
      this.#flying.add(flight);
      for (const tell of flight.onMove) tell(undefined);
      flight.land(this.#fly(flight).finally(() => this.#landed(flight)));
    }
    this.#queue.forEach((flight, i) => {
      for (const tell of flight.onMove) tell(i + 1);
    });
  }

  #landed(flight: Flight): void {
    this.#flying.delete(flight);
    this.#stalled.delete(flight);
    this.#forget(flight);
    this.#launch();
  }

  /** A flight in the air is only told to stop: it keeps its place until the runtime has answered. */
  #cancel(flight: Flight): void {
    flight.controller.abort();
    this.#forget(flight);
    this.#queue = this.#queue.filter((one) => one !== flight);
  }

  #forget(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }

  async #fly({ request, controller: { signal } }: Flight): Promise<FlightResult> {
    const startedAt = this.#clock.now().mono;
    const errors: unknown[] = [];
    for (const [i, auth] of (request.auths.length > 0 ? request.auths : [undefined]).entries()) {
      await this.#limiter.acquire(signal);
      try {
        const imageRef = await this.#service.pullImage(request.spec, auth, request.sandboxConfig, { signal });
        return { imageRef, startedAt, endedAt: this.#clock.now().mono, ...(auth && { used: i }) };
      } catch (error) {
        signal.throwIfAborted();
        errors.push(error);
      }
    }
    throw errors.length === 1 ? errors[0] : new PullErrors(errors);
  }
}

/** Credentials enter only as a hash. */
function flightKey({ spec, auths }: FlightRequest): string {
  const hash = createHash('sha256').update(JSON.stringify(auths)).digest('hex');
  return JSON.stringify([spec.image, spec.runtimeHandler ?? '', hash]);
}
