import type { ImageOut, ImageSpec, PodSandboxConfig } from '../cri/generated/runtime.ts';
import { goQuote } from '../k8s/goText.ts';
import type { Clock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import { untilAborted } from '../lib/untilAborted.ts';
import { imageSpec } from './imageSpec.ts';
import type { NodeAuths } from './nodeAuths.ts';
import { type ProgressService, PullWatch } from './progress/pullWatch.ts';
import type { FlightResult, PullLimits, PullService } from './pullFlights.ts';
import { isSettled, PullFlights, pullErrorText } from './pullFlights.ts';
import type { ImageAccess, PullNote } from './records/imageAccess.ts';
import { nextBackOff } from './rules/backOff.ts';
import { MAX_LOGINS } from './rules/credentials.ts';
import { decideImage, decisionEvents, type ImageDecision } from './rules/decideImage.ts';
import { progressEvent, pulledEvent, pullFailedEvent, pullingEvent } from './rules/events.ts';
import { parseImageName } from './rules/imageName.ts';
import { classifyPullError } from './rules/pullError.ts';
import type { ImageEvent, ImageFact, PullingPod, PullPolicy, RegistryLogin } from './types.ts';
import { Withdrawals } from './withdrawals.ts';

/** The runtime calls that the manager needs; `Cri` satisfies it. */
export interface ImageService extends PullService, ProgressService {
  imageStatus(
    image: ImageSpec,
    verbose?: boolean,
    options?: { signal?: AbortSignal },
  ): Promise<{ image: ImageOut | null }>;
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
  /** The Pod's own credentials in the order in which they are tried (`lookupAuth`); those of the node come after them. */
  readonly auths?: readonly RegistryLogin[];
  /** On whose behalf credential providers are asked. */
  readonly pod?: PullingPod;
  readonly onEvent?: (event: ImageEvent) => void;
  readonly signal?: AbortSignal;
}

/** What the manager uses besides the runtime. */
export interface ImageManagerOptions {
  readonly limits?: PullLimits;
  /** Credentials of the node, tried after those of the Pod; none by default. */
  readonly nodeAuths?: NodeAuths;
  /** Who may use an image that is there; absent: everybody (KubeletEnsureSecretPulledImages is off). */
  readonly access?: ImageAccess;
  /** A pull succeeded: kubelet_image_pull_duration_seconds. `bytes`: 0 when the runtime did not say. */
  readonly onPulled?: (seconds: number, bytes: number) => void;
  /** An image was asked for: kubelet_image_manager_ensure_image_requests_total. */
  readonly onEnsured?: (policy: PullPolicy, isPresent: boolean | undefined, mustPull: boolean | undefined) => void;
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
  readonly #options: ImageManagerOptions;
  /** Credentials are looked up once for each request, and no earlier than they are needed. */
  readonly #logins = new WeakMap<ImageRequest, Promise<readonly RegistryLogin[]>>();
  readonly #facts = new Map<string, Map<string, ImageFact>>();
  readonly #running = new Map<string, Promise<ImageFact>>();
  readonly #changes = new Listeners<[podUid: string, fact: ImageFact]>();
  readonly #watch: PullWatch;
  readonly #withdrawals = new Withdrawals();

  constructor(service: ImageService, clock: Clock, options: ImageManagerOptions = {}) {
    this.#service = service;
    this.#clock = clock;
    this.#options = options;
    this.#flights = new PullFlights(service, clock, options.limits);
    this.#watch = new PullWatch({
      ...{ service, clock },
      flying: () => this.#flights.flying,
      onStall: (image, isStalled) => this.#flights.stalls(image, isStalled),
    });
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

  /**
   * Runs `remove`, which takes the image of these names (its id, tags and digests) from the runtime. Whoever asks for it meanwhile waits
   * until that is over: an answer from just before would be wrong just after.
   */
  withdraw(names: readonly string[], remove: () => Promise<void>): Promise<void> {
    return this.#withdrawals.run(names, remove);
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
      await this.#withdrawals.over(request.image, request.signal);
      const checkedAt = this.#clock.now().mono;
      const base = this.fact(request.podUid, request.image);
      try {
        const { image } = await this.#service.imageStatus(imageSpec(request), false, optionsOf(request));
        return this.#set(request, {
          ...without(base, 'failure'),
          ...describe(image),
          checkedAt,
          ...lastFailure(base, this.#options.access ? null : image),
        });
      } catch (error) {
        request.signal?.throwIfAborted();
        const message = `Failed to inspect image ${goQuote(request.image)}: ${pullErrorText(error)}`;
        return this.#fail(request, { reason: 'ImageInspectError', message });
      }
    });
  }

  /** Finds out whether the Pod may use the image that is there. Rejects only on abort. */
  verify(request: ImageRequest): Promise<ImageFact> {
    return this.#once('verify', request, async () => {
      const at = this.#clock.now().mono;
      const { imageId = '' } = this.fact(request.podUid, request.image);
      const { access } = this.#options;
      const allowed = !access || (await access.mayUse(request.image, imageId, () => this.#credentials(request)));
      request.signal?.throwIfAborted();
      const base = this.fact(request.podUid, request.image);
      return this.#set(request, { ...(allowed ? without(base, 'failure') : base), access: { allowed, at } });
    });
  }

  /** Pulls the image, without asking whether that is due. A failed pull becomes a fact that backs off. Rejects only on abort. */
  pull(request: ImageRequest): Promise<ImageFact> {
    return this.#once('pull', request, async () => {
      await this.#withdrawals.over(request.image, request.signal);
      const sinceMono = this.#clock.now().mono;
      this.#set(request, { ...this.fact(request.podUid, request.image), pulling: { sinceMono } });
      const onMove = (position: number | undefined) => {
        const base = this.fact(request.podUid, request.image);
        this.#set(request, { ...base, pulling: { sinceMono, ...(position !== undefined && { position }) } });
      };
      try {
        const logins = await this.#credentials(request);
        request.signal?.throwIfAborted();
        request.onEvent?.(pullingEvent(request.image));
        const note = await this.#options.access?.begin(request.image, () => this.#find(request));
        return await this.#fly(request, sinceMono, logins, onMove, note);
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

  /** The Pod's credentials, then the node's. Rejects only on abort. */
  #credentials(request: ImageRequest): Promise<readonly RegistryLogin[]> {
    const known = this.#logins.get(request);
    if (known) return known;
    const asked = this.#askCredentials(request);
    this.#logins.set(request, asked);
    return asked;
  }

  async #askCredentials(request: ImageRequest): Promise<readonly RegistryLogin[]> {
    const name = parseImageName(request.image);
    const own = request.auths ?? [];
    const { nodeAuths } = this.#options;
    if ('error' in name || !nodeAuths) return own;
    const { pod, signal, podUid, image } = request;
    const onWait = (provider: string | undefined) => {
      if (!this.#facts.has(podUid)) return; // the Pod has gone meanwhile
      const base = without(this.fact(podUid, image), 'provider');
      this.#set(request, provider === undefined ? base : { ...base, provider });
    };
    return [...own, ...(await nodeAuths(name.repository, { ...(pod && { pod }), ...(signal && { signal }), onWait }))];
  }

  async #find(request: ImageRequest): Promise<string | undefined> {
    const { image } = await this.#service.imageStatus(imageSpec(request), false, {});
    return image?.id;
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
    const verify = this.#options.access !== undefined;
    let previous: ImageDecision | undefined;
    let mustPull: boolean | undefined;
    for (;;) {
      const known = this.fact(podUid, image);
      const next = decideImage(known, { image, policy, since, now: this.#clock.now().mono, anew, verify });
      for (const event of decisionEvents(image, previous, next, verify)) request.onEvent?.(event);
      if (next.do === 'pull' || next.do === 'wait') mustPull = true;
      if (next.do === 'use' || next.do === 'fail') {
        const isRefused = known.present === true && known.access?.allowed === false;
        this.#count(policy, since, known, mustPull ?? (next.do === 'use' ? false : isRefused || undefined));
        return next;
      }
      if (next.do === 'check') await this.check(request);
      else if (next.do === 'verify') await this.verify(request);
      else await this.pull(request); // 'wait' joins the pull that is under way for this Pod
      previous = next;
    }
  }

  /**
   * Reads the runtime's transfers into the `progress` of every running pull: for `why`, called when somebody asks. A runtime that does
   * not answer is one of the things that `why` explains, so it is not waited for.
   */
  refreshProgress(): Promise<void> {
    return this.#watch.refresh();
  }

  #watched(request: ImageRequest, since: number, flyingSince: () => number | undefined): Disposable {
    const { podUid, image } = request;
    const pulling = () => this.#facts.get(podUid)?.get(image)?.pulling;
    return this.#watch.watch({
      ...{ image, since },
      flyingSince: () => (pulling() ? flyingSince() : undefined),
      onProgress: (progress) => {
        const { untold: _, progress: __, ...rest } = pulling()!;
        const told = progress === 'untold' ? { untold: true as const } : { progress };
        this.#set(request, { ...this.fact(podUid, image), pulling: { ...rest, ...told } });
      },
      tell: () => {
        const told = pulling();
        if (told) request.onEvent?.(progressEvent(image, this.#clock.now().mono - since, told));
      },
    });
  }

  /** One call of a kind per Pod and image: who comes second waits for the first one's, but leaves on a signal of its own. */
  async #once(kind: string, request: ImageRequest, run: () => Promise<ImageFact>): Promise<ImageFact> {
    const { podUid, image, signal } = request;
    const key = JSON.stringify([kind, podUid, image]);
    const running = this.#running.get(key);
    if (running) {
      await untilAborted(
        running.catch(() => {}),
        signal,
      );
      return this.fact(podUid, image);
    }
    const started = run().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  /** Kubelet counts by whether the image was there before, which policy Always does not ask. */
  #count(
    policy: PullPolicy,
    since: number,
    { checkedAt = -1, present, pulledAt }: ImageFact,
    mustPull?: boolean,
  ): void {
    const isKnown = policy !== 'Always' && checkedAt >= since && present !== 'unknown';
    const wasPresent = present === true && (pulledAt ?? -1) < since;
    this.#options.onEnsured?.(policy, isKnown ? wasPresent : undefined, mustPull);
  }

  /** Without an answer the image is there, but unchecked and without a user: no user is not root, so it has to be asked for. */
  #describePulled(request: ImageRequest, { endedAt }: FlightResult): Promise<Partial<ImageFact>> {
    return this.#service.imageStatus(imageSpec(request), false, optionsOf(request)).then(
      ({ image }) => ({ ...describe(image), checkedAt: endedAt }),
      () => ({}),
    );
  }

  #pulled(request: ImageRequest, sinceMono: number, result: FlightResult, found: Partial<ImageFact>): ImageFact {
    request.signal?.throwIfAborted();
    const now = this.#clock.now().mono;
    request.onEvent?.(pulledEvent(request.image, result.endedAt - result.startedAt, now - sinceMono, found.size));
    this.#options.onPulled?.((now - sinceMono) / 1000, found.size ?? 0);
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

function optionsOf({ signal }: ImageRequest): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

function without(fact: ImageFact, key: 'pulling' | 'failure' | 'provider'): ImageFact {
  const { [key]: _, ...rest } = fact;
  return rest;
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
