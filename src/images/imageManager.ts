import { goQuote } from '../k8s/goText.ts';
import type { Clock } from '../lib/clock.ts';
import { SharedCalls } from '../lib/sharedCalls.ts';
import { ImageFacts } from './imageFacts.ts';
import { ImagePuller, type ImageService } from './imagePuller.ts';
import { type ImageRequest, optionsOf } from './imageRequest.ts';
import { imageSpec } from './imageSpec.ts';
import type { NodeAuths } from './nodeAuths.ts';
import { pullErrorText } from './pullErrors.ts';
import type { PullLimits } from './pullFlights.ts';
import type { ImageAccess } from './records/imageAccess.ts';
import { RequestCredentials } from './requestCredentials.ts';
import { decideImage, decisionEvents, type ImageDecision } from './rules/decideImage.ts';
import { describeImage, lastFailure, without } from './rules/imageFact.ts';
import type { ImageFact, PullPolicy } from './types.ts';
import { Withdrawals } from './withdrawals.ts';

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
  readonly #options: ImageManagerOptions;
  readonly #facts = new ImageFacts();
  readonly #credentials: RequestCredentials;
  readonly #puller: ImagePuller;
  readonly #calls = new SharedCalls<ImageFact>();
  readonly #withdrawals = new Withdrawals();

  constructor(service: ImageService, clock: Clock, options: ImageManagerOptions = {}) {
    this.#service = service;
    this.#clock = clock;
    this.#options = options;
    this.#credentials = new RequestCredentials(this.#facts, options.nodeAuths);
    this.#puller = new ImagePuller({ ...options, service, clock, facts: this.#facts, credentials: this.#credentials });
  }

  /** What is known of an image for a Pod. */
  fact(podUid: string, image: string): ImageFact {
    return this.#facts.get(podUid, image);
  }

  /** All that is known for a Pod. */
  facts(podUid: string): readonly ImageFact[] {
    return this.#facts.of(podUid);
  }

  /** Tells every changed fact. */
  onFact(listener: (podUid: string, fact: ImageFact) => void): Disposable {
    return this.#facts.onFact(listener);
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
    this.#facts.forget(podUid);
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
        return this.#facts.set(request, {
          ...without(base, 'failure'),
          ...describeImage(image),
          checkedAt,
          ...lastFailure(base, this.#options.access ? null : image),
        });
      } catch (error) {
        request.signal?.throwIfAborted();
        const message = `Failed to inspect image ${goQuote(request.image)}: ${pullErrorText(error)}`;
        return this.#facts.fail(request, { reason: 'ImageInspectError', message }, this.#clock.now().mono);
      }
    });
  }

  /** Finds out whether the Pod may use the image that is there. Rejects only on abort. */
  verify(request: ImageRequest): Promise<ImageFact> {
    return this.#once('verify', request, async () => {
      const at = this.#clock.now().mono;
      const { imageId = '' } = this.fact(request.podUid, request.image);
      const { access } = this.#options;
      const allowed = !access || (await access.mayUse(request.image, imageId, () => this.#credentials.of(request)));
      request.signal?.throwIfAborted();
      const base = this.fact(request.podUid, request.image);
      return this.#facts.set(request, { ...(allowed ? without(base, 'failure') : base), access: { allowed, at } });
    });
  }

  /** Pulls the image, without asking whether that is due. A failed pull becomes a fact that backs off. Rejects only on abort. */
  pull(request: ImageRequest): Promise<ImageFact> {
    return this.#once('pull', request, async () => {
      await this.#withdrawals.over(request.image, request.signal);
      return this.#puller.pull(request);
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
    return this.#puller.refreshProgress();
  }

  #once(kind: string, request: ImageRequest, work: () => Promise<ImageFact>): Promise<ImageFact> {
    const { podUid, image, signal } = request;
    return this.#calls.run(JSON.stringify([kind, podUid, image]), signal, work, () => this.fact(podUid, image));
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
}
