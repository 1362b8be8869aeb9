import { isUnimplemented } from '../cri/error.ts';
import type { AuthConfig, ImageOut, ImageSpec, PodSandboxConfig } from '../cri/generated/runtime.ts';
import { goQuote } from '../k8s/goText.ts';
import type { Clock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import type { NodeAuths } from './nodeAuths.ts';
import type { FlightResult, PullLimits, PullService } from './pullFlights.ts';
import { PullFlights, pullErrorText } from './pullFlights.ts';
import { nextBackOff } from './rules/backOff.ts';
import { decideImage, decisionEvents, type ImageDecision } from './rules/decideImage.ts';
import { pulledEvent, pullFailedEvent, pullingEvent } from './rules/events.ts';
import { parseImageName } from './rules/imageName.ts';
import { classifyPullError } from './rules/pullError.ts';
import type { ImageEvent, ImageFact, PullPolicy, PullProgress } from './types.ts';

/** How long a question about the progress of pulls may take. */
const PROGRESS_MS = 1_000;

/** The runtime calls that the manager needs; `Cri` satisfies it. */
export interface ImageService extends PullService {
  imageStatus(
    image: ImageSpec,
    verbose?: boolean,
    options?: { signal?: AbortSignal },
  ): Promise<{ image: ImageOut | null }>;
  /** Transfers under way; rejects where the runtime has no content service. */
  listPullProgress?(options?: {
    timeoutMs?: number;
  }): Promise<readonly { readonly offset: number; readonly total: number }[]>;
}

/** A Pod wants an image. */
export interface ImageRequest {
  readonly podUid: string;
  /** As the Pod names it. */
  readonly image: string;
  /** The Pod's annotations: some runtimes read them. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runtimeHandler?: string;
  readonly sandboxConfig?: PodSandboxConfig;
  /** Credentials in the order in which they are tried (`lookupAuth`). */
  readonly auths?: readonly AuthConfig[];
  readonly onEvent?: (event: ImageEvent) => void;
  readonly signal?: AbortSignal;
}

/** How `ensure` ends: the image may be used, or the container has to wait for the reason given. */
export type ImageOutcome = Extract<ImageDecision, { do: 'use' | 'fail' }>;

/**
 * Carries out what `decideImage` decides, and keeps the facts it decides from. Facts are per Pod and image; pulls are shared
 * between Pods. Nothing is polled: facts change when a call ends or a queue moves.
 */
export class ImageManager {
  readonly #service: ImageService;
  readonly #clock: Clock;
  readonly #flights: PullFlights;
  readonly #nodeAuths: NodeAuths;
  readonly #facts = new Map<string, Map<string, ImageFact>>();
  readonly #running = new Map<string, Promise<ImageFact>>();
  readonly #changes = new Listeners<[podUid: string, fact: ImageFact]>();
  #progressMissing = false;

  /** `nodeAuths`: credentials of the node, tried after those of the Pod; none by default. */
  constructor(service: ImageService, clock: Clock, limits?: PullLimits, nodeAuths: NodeAuths = async () => []) {
    this.#service = service;
    this.#nodeAuths = nodeAuths;
    this.#clock = clock;
    this.#flights = new PullFlights(service, clock, limits);
  }

  /** What is known of an image for a Pod. */
  fact(podUid: string, image: string): ImageFact {
    return this.#facts.get(podUid)?.get(image) ?? { ref: image, present: 'unknown' };
  }

  /** All that is known for a Pod. */
  facts(podUid: string): readonly ImageFact[] {
    return [...(this.#facts.get(podUid)?.values() ?? [])];
  }

  /** Tells every changed fact. */
  onFact(listener: (podUid: string, fact: ImageFact) => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Forgets a finished Pod, its back-offs included. Pulls are ended by their own signals. */
  forget(podUid: string): void {
    this.#facts.delete(podUid);
  }

  /**
   * Asks the runtime whether the image is there. A failed question becomes an ImageInspectError that backs off. Rejects only
   * on abort.
   */
  check(request: ImageRequest): Promise<ImageFact> {
    return this.#once('check', request, async () => {
      const checkedAt = this.#clock.now().mono;
      const base = this.fact(request.podUid, request.image);
      try {
        const { image } = await this.#service.imageStatus(specOf(request), false, optionsOf(request));
        return this.#set(request, {
          ...without(base, 'failure'),
          ...describe(image),
          checkedAt,
          ...lastFailure(base, image),
        });
      } catch (error) {
        request.signal?.throwIfAborted();
        const message = `Failed to inspect image ${goQuote(request.image)}: ${pullErrorText(error)}`;
        return this.#fail(request, { reason: 'ImageInspectError', message });
      }
    });
  }

  /** Pulls the image, without asking whether that is due. A failed pull becomes a fact that backs off. Rejects only on abort. */
  pull(request: ImageRequest): Promise<ImageFact> {
    return this.#once('pull', request, async () => {
      const sinceMono = this.#clock.now().mono;
      request.onEvent?.(pullingEvent(request.image));
      this.#set(request, { ...this.fact(request.podUid, request.image), pulling: { sinceMono } });
      const onMove = (position: number | undefined) => {
        const base = this.fact(request.podUid, request.image);
        this.#set(request, { ...base, pulling: { sinceMono, ...(position !== undefined && { position }) } });
      };
      try {
        const { signal, sandboxConfig } = request;
        const name = parseImageName(request.image);
        const own = 'error' in name ? [] : await this.#nodeAuths(name.repository);
        const auths = [...(request.auths ?? []), ...own];
        const flight = { spec: specOf(request), auths, ...(sandboxConfig && { sandboxConfig }) };
        return await this.#pulled(request, sinceMono, await this.#flights.join(flight, onMove, signal));
      } catch (error) {
        const base = without(this.fact(request.podUid, request.image), 'pulling');
        if (request.signal?.aborted && this.#facts.has(request.podUid)) this.#set(request, base);
        request.signal?.throwIfAborted();
        const text = pullErrorText(error);
        request.onEvent?.(pullFailedEvent(request.image, text));
        return this.#fail(request, classifyPullError(request.image, text));
      }
    });
  }

  /**
   * Has the image ready under its pull policy, or says why not: check, pull and Events in kubelet's order. `since` is the
   * start of this attempt (default: now); `anew`: earlier failures do not count. Rejects only on abort.
   */
  async ensure(
    request: ImageRequest & { readonly policy: PullPolicy; readonly since?: number; readonly anew?: boolean },
  ): Promise<ImageOutcome> {
    const { image, policy, podUid, anew = false } = request;
    const start = this.#clock.now().mono;
    const since = Math.min(request.since ?? start, start); // one in the future would never be answered
    let previous: ImageDecision | undefined;
    for (;;) {
      const next = decideImage(this.fact(podUid, image), { image, policy, since, now: this.#clock.now().mono, anew });
      for (const event of decisionEvents(image, previous, next)) request.onEvent?.(event);
      if (next.do === 'use' || next.do === 'fail') return next;
      if (next.do === 'check') await this.check(request);
      else await this.pull(request); // 'wait' joins the pull that is under way for this Pod
      previous = next;
    }
  }

  /**
   * Reads the runtime's transfers into the `progress` of every running pull: for `why`, called when somebody asks. Resolves within
   * about a second: a runtime that does not answer is one of the things that `why` explains.
   */
  async refreshProgress(): Promise<void> {
    if (this.#flights.flying === 0 || this.#progressMissing || !this.#service.listPullProgress) return;
    let parts: readonly { readonly offset: number; readonly total: number }[];
    try {
      parts = await this.#service.listPullProgress({ timeoutMs: PROGRESS_MS });
    } catch (error) {
      this.#progressMissing = isUnimplemented(error); // not containerd: it would fail the same way each time
      return;
    }
    const sum = (field: 'offset' | 'total') => parts.reduce((total, part) => total + part[field], 0);
    const shared = this.#flights.flying > 1;
    const progress: PullProgress = { offset: sum('offset'), total: sum('total'), parts: parts.length, shared };
    for (const [podUid, facts] of this.#facts) {
      for (const fact of facts.values()) {
        if (fact.pulling && fact.pulling.position === undefined) {
          this.#set({ podUid, image: fact.ref }, { ...fact, pulling: { ...fact.pulling, progress } });
        }
      }
    }
  }

  /** One call of a kind per Pod and image: who comes second waits for the first one's, but leaves on a signal of its own. */
  async #once(kind: string, request: ImageRequest, run: () => Promise<ImageFact>): Promise<ImageFact> {
    const { podUid, image, signal } = request;
    const key = JSON.stringify([kind, podUid, image]);
    const running = this.#running.get(key);
    if (running) {
      await untilAborted(running, signal);
      return this.fact(podUid, image);
    }
    const started = run().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  /** Without an answer the image is there, but unchecked and without a user: no user is not root, so it has to be asked for. */
  async #pulled(request: ImageRequest, sinceMono: number, result: FlightResult): Promise<ImageFact> {
    const found = await this.#service.imageStatus(specOf(request), false, optionsOf(request)).then(
      ({ image }) => ({ ...describe(image), checkedAt: result.endedAt }),
      (): Partial<ImageFact> => ({}),
    );
    request.signal?.throwIfAborted();
    const now = this.#clock.now().mono;
    request.onEvent?.(pulledEvent(request.image, result.endedAt - result.startedAt, now - sinceMono, found.size));
    return this.#set(request, { ref: request.image, ...found, present: true, imageId: result.imageRef, pulledAt: now });
  }

  #fail(request: ImageRequest, failure: { readonly reason: string; readonly message: string }): ImageFact {
    const base = without(this.fact(request.podUid, request.image), 'pulling');
    const at = this.#clock.now().mono;
    return this.#set(request, { ...base, failure: { ...failure, at, delayMs: nextBackOff(base.failure, at) } });
  }

  #set({ podUid, image }: Pick<ImageRequest, 'podUid' | 'image'>, fact: ImageFact): ImageFact {
    const facts = this.#facts.get(podUid) ?? new Map<string, ImageFact>();
    facts.set(image, Object.freeze(fact));
    this.#facts.set(podUid, facts);
    this.#changes.emit(podUid, fact);
    return fact;
  }
}

/** Resolves when the promise settles, either way; rejects when the signal aborts first. */
function untilAborted(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const leave = () => reject(signal?.reason);
    const done = () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    signal?.addEventListener('abort', leave, { once: true });
    promise.then(done, done);
  });
}

function specOf({ image, annotations, runtimeHandler }: ImageRequest): ImageSpec {
  const name = parseImageName(image);
  return {
    image: 'error' in name ? image : name.withTag,
    userSpecifiedImage: image,
    ...(annotations && { annotations: { ...annotations } }),
    ...(runtimeHandler && { runtimeHandler }),
  };
}

function optionsOf({ signal }: ImageRequest): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

function without(fact: ImageFact, key: 'pulling' | 'failure'): ImageFact {
  return Object.fromEntries(Object.entries(fact).filter(([name]) => name !== key)) as unknown as ImageFact;
}

/** A failed pull is remembered (its delay must grow) until the image is there; a failed question until one is answered. */
function lastFailure({ failure }: ImageFact, found: ImageOut | null): Pick<ImageFact, 'failure'> {
  return failure && !found && failure.reason !== 'ImageInspectError' ? { failure } : {};
}

function describe(image: ImageOut | null): Pick<ImageFact, 'present' | 'imageId' | 'size' | 'user'> {
  if (!image) return { present: false };
  const uid = image.uid === null ? undefined : Number(image.uid.value);
  const user = { ...(uid !== undefined && { uid }), ...(image.username && { username: image.username }) };
  return { present: true, imageId: image.id, size: Number(image.size), user };
}
