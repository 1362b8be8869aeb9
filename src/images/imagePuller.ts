import type { ImageOut, ImageSpec } from '../cri/generated/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { ImageFacts } from './imageFacts.ts';
import { type ImageRequest, optionsOf } from './imageRequest.ts';
import { imageSpec } from './imageSpec.ts';
import { type ProgressService, PullWatch } from './progress/pullWatch.ts';
import { isSettled, pullErrorText } from './pullErrors.ts';
import { type FlightResult, PullFlights, type PullLimits, type PullService } from './pullFlights.ts';
import type { ImageAccess, PullNote } from './records/imageAccess.ts';
import type { RequestCredentials } from './requestCredentials.ts';
import { MAX_LOGINS } from './rules/credentials.ts';
import { progressEvent, pulledEvent, pullFailedEvent, pullingEvent } from './rules/events.ts';
import { describeImage, without } from './rules/imageFact.ts';
import { classifyPullError } from './rules/pullError.ts';
import type { ImageFact, RegistryLogin } from './types.ts';

/** The runtime calls that the manager needs; `Cri` satisfies it. */
export interface ImageService extends PullService, ProgressService {
  imageStatus(
    image: ImageSpec,
    verbose?: boolean,
    options?: { signal?: AbortSignal },
  ): Promise<{ image: ImageOut | null }>;
}

/** What pulls are made with, and who hears of them. */
export interface PullerOptions {
  readonly service: ImageService;
  readonly clock: Clock;
  readonly facts: ImageFacts;
  readonly credentials: RequestCredentials;
  readonly limits?: PullLimits;
  /** Takes a note of each pull before it begins; absent: nobody does. */
  readonly access?: ImageAccess;
  /** A pull succeeded. `bytes`: 0 when the runtime did not say. */
  readonly onPulled?: (seconds: number, bytes: number) => void;
}

/** Pulls images for Pods: with the credentials of both, one flight for all who want the same, watched, told in kubelet's Events. */
export class ImagePuller {
  readonly #options: PullerOptions;
  readonly #service: ImageService;
  readonly #clock: Clock;
  readonly #facts: ImageFacts;
  readonly #flights: PullFlights;
  readonly #watch: PullWatch;

  constructor(options: PullerOptions) {
    this.#options = options;
    const { service, clock, limits } = options;
    this.#service = service;
    this.#clock = clock;
    this.#facts = options.facts;
    this.#flights = new PullFlights(service, clock, limits);
    this.#watch = new PullWatch({
      ...{ service, clock },
      flying: () => this.#flights.flying,
      onStall: (image, isStalled) => this.#flights.stalls(image, isStalled),
    });
  }

  /** Pulls the image, without asking whether that is due. A failed pull becomes a fact that backs off. Rejects only on abort. */
  async pull(request: ImageRequest): Promise<ImageFact> {
    const sinceMono = this.#clock.now().mono;
    this.#facts.set(request, {
      ...this.#facts.get(request.podUid, request.image),
      pulling: { sinceMono },
    });
    const onMove = (position: number | undefined) => {
      const base = this.#facts.get(request.podUid, request.image);
      this.#facts.set(request, {
        ...base,
        pulling: { sinceMono, ...(position !== undefined && { position }) },
      });
    };
    try {
      const logins = await this.#options.credentials.of(request);
      request.signal?.throwIfAborted();
      request.onEvent?.(pullingEvent(request.image));
      const note = await this.#options.access?.begin(request.image, () => this.#find(request));
      return await this.#fly(request, sinceMono, logins, onMove, note);
    } catch (error) {
      const base = without(this.#facts.get(request.podUid, request.image), 'pulling');
      if (request.signal?.aborted && this.#facts.has(request.podUid)) this.#facts.set(request, base);
      request.signal?.throwIfAborted();
      const text = pullErrorText(error);
      request.onEvent?.(pullFailedEvent(request.image, text));
      return this.#facts.fail(request, classifyPullError(request.image, text), this.#clock.now().mono);
    }
  }

  async #fly(
    request: ImageRequest,
    sinceMono: number,
    logins: readonly RegistryLogin[],
    onMove: (position: number | undefined) => void,
    note: PullNote | undefined,
  ): Promise<ImageFact> {
    const { signal, sandboxConfig } = request;
    const auths = logins.slice(0, MAX_LOGINS).map(({ username, password }) => ({ username, password }));
    const flight = { spec: imageSpec(request), auths, ...(sandboxConfig && { sandboxConfig }) };
    let result: FlightResult;
    try {
      let flyingSince: number | undefined;
      using _watched = this.#watched(request, sinceMono, () => flyingSince);
      const moved = (position: number | undefined) => {
        flyingSince = position === undefined ? this.#clock.now().mono : undefined;
        onMove(position);
      };
      result = await this.#flights.join(flight, moved, signal);
    } catch (error) {
      void note?.failed(isSettled(error)); // it asks the runtime, and the Pod is told now
      throw error;
    }
    const login = result.used === undefined ? undefined : logins[result.used];
    const [fact] = await Promise.all([this.#describePulled(request, result), note?.succeeded(result.imageRef, login)]);
    return this.#pulled(request, sinceMono, result, fact);
  }

  #watched(request: ImageRequest, since: number, flyingSince: () => number | undefined): Disposable {
    const { podUid, image } = request;
    const pulling = () => this.#facts.get(podUid, image).pulling;
    return this.#watch.watch({
      ...{ image, since },
      flyingSince: () => (pulling() ? flyingSince() : undefined),
      onProgress: (progress) => {
        const { untold: _, progress: __, ...rest } = pulling()!;
        const told = progress === 'untold' ? { untold: true as const } : { progress };
        this.#facts.set(request, { ...this.#facts.get(podUid, image), pulling: { ...rest, ...told } });
      },
      tell: () => {
        const told = pulling();
        if (told) request.onEvent?.(progressEvent(image, this.#clock.now().mono - since, told));
      },
    });
  }

  /** Without an answer the image is there, but unchecked and without a user: no user is not root, so it has to be asked for. */
  #describePulled(request: ImageRequest, { endedAt }: FlightResult): Promise<Partial<ImageFact>> {
    return this.#service.imageStatus(imageSpec(request), false, optionsOf(request)).then(
      ({ image }) => ({ ...describeImage(image), checkedAt: endedAt }),
      () => ({}),
    );
  }

  #pulled(request: ImageRequest, sinceMono: number, result: FlightResult, found: Partial<ImageFact>): ImageFact {
    request.signal?.throwIfAborted();
    const now = this.#clock.now().mono;
    request.onEvent?.(pulledEvent(request.image, result.endedAt - result.startedAt, now - sinceMono, found.size));
    this.#options.onPulled?.((now - sinceMono) / 1000, found.size ?? 0);
    return this.#facts.set(request, {
      ref: request.image,
      ...found,
      present: true,
      imageId: result.imageRef,
      pulledAt: now,
    });
  }

  async #find(request: ImageRequest): Promise<string | undefined> {
    const { image } = await this.#service.imageStatus(imageSpec(request), false, {});
    return image?.id;
  }

  /** Reads the runtime's transfers into the `progress` of every running pull. A runtime that does not answer is not waited for. */
  refreshProgress(): Promise<void> {
    return this.#watch.refresh();
  }
}
