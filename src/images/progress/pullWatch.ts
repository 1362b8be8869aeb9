import { isUnimplemented } from '../../cri/error.ts';
import type { Clock } from '../../lib/clock.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import { summarize, type Transfer } from '../rules/progress.ts';
import type { PullProgress } from '../types.ts';
import { type ContentStore, PullPlans } from './pullPlans.ts';

/** The runtime's side; `Cri` satisfies it, and a runtime may lack all of it. */
export interface ProgressService extends Partial<ContentStore> {
  /** Transfers under way; rejects where the runtime has no content service. */
  listPullProgress?(options?: { timeoutMs?: number }): Promise<readonly Transfer[]>;
}

/** One Pod's pull, as it is watched. */
export interface WatchedPull {
  readonly image: string;
  /** Monotonic ms. */
  readonly since: number;
  /** Since when the runtime is at it, monotonic ms; undefined: it stands in the queue. */
  flyingSince(): number | undefined;
  /** 'untold': the runtime does not say. */
  onProgress(progress: PullProgress | 'untold'): void;
  /** It takes long: what is known by now is worth an Event. */
  tell(): void;
}

/** What is asked about pulls, and who hears of it. */
export interface PullWatchOptions {
  readonly service: ProgressService;
  readonly clock: Clock;
  /** How many pulls the runtime works on. */
  readonly flying: () => number;
  /** Told at each look whether an image's pull is stalled: nothing of it has come within the last 30 s. */
  readonly onStall: (image: string, isStalled: boolean) => void;
}

/** How long a question about the progress of pulls may take. */
const PROGRESS_MS = 1_000;
/** A pull of which nothing has come for so long is stalled. */
const STALLED_MS = 30_000;
/** So often pulls are looked at. One that is over sooner is never told of. */
const LOOK_MS = 10_000;
/** Between two Events of one pull: 10 s, 20 s, 40 s, then a minute. */
const TELL_MAX_MS = 60_000;
/** Events of all pulls of the node: a hundred Pods may wait for one image. */
const TELL_QPS = 1;
const TELL_BURST = 10;

interface Watched {
  readonly pull: WatchedPull;
  tellAt: number;
  tellMs: number;
}

/** Looks how far pulls have come: when somebody asks, and every 10 s while one is under way that is worth telling of. */
export class PullWatch {
  readonly #options: PullWatchOptions;
  readonly #plans: PullPlans | undefined;
  readonly #limiter: RateLimiter;
  readonly #pulls = new Set<Watched>();
  #timer: Disposable | undefined;
  #refreshing: Promise<void> | undefined;
  /** No containerd: it would fail the same way each time. */
  #isUntold: boolean;

  constructor(options: PullWatchOptions) {
    const { service, clock } = options;
    const { listContent, readContent } = service;
    this.#options = options;
    this.#limiter = new RateLimiter(clock, TELL_QPS, TELL_BURST);
    this.#isUntold = !service.listPullProgress;
    if (listContent && readContent) this.#plans = new PullPlans(service as ContentStore);
  }

  /** Watches a pull until it is disposed of. */
  watch(pull: WatchedPull): Disposable {
    const watched = { pull, tellAt: pull.since + LOOK_MS, tellMs: LOOK_MS };
    this.#pulls.add(watched);
    this.#timer ??= this.#options.clock.setTimer(LOOK_MS, () => void this.#look());
    return {
      [Symbol.dispose]: () => {
        this.#pulls.delete(watched);
        if (this.#pulls.size > 0) return;
        this.#timer?.[Symbol.dispose]();
        this.#timer = undefined;
      },
    };
  }

  /** Tells every pull that is under way how far it is. Resolves within a few seconds, whatever the runtime does. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    const longer = (than: (watched: Watched) => number) => {
      const { mono } = clock.now();
      return [...this.#pulls].filter((watched) => than(watched) <= mono && isFlying(watched.pull));
    };
    if (longer(({ pull }) => pull.since + LOOK_MS).length > 0) await this.refresh();
    for (const watched of longer(({ tellAt }) => tellAt)) {
      if (!this.#limiter.tryAcquire()) break;
      watched.tellMs = Math.min(2 * watched.tellMs, TELL_MAX_MS);
      watched.tellAt = this.#isUntold ? Number.POSITIVE_INFINITY : clock.now().mono + watched.tellMs;
      watched.pull.tell();
      // Who was told goes behind those who were not.
      if (this.#pulls.delete(watched)) this.#pulls.add(watched);
    }
    this.#timer?.[Symbol.dispose](); // one of a pull that began meanwhile
    this.#timer = this.#pulls.size > 0 ? clock.setTimer(LOOK_MS, () => void this.#look()) : undefined;
  }

  /** After half a minute an image's manifest is there, unless its registry does not answer. */
  #noteStall(image: string, pulls: readonly WatchedPull[], progress: PullProgress | undefined): void {
    const { clock, onStall } = this.#options;
    const flown = Math.max(
      0,
      ...pulls.map(({ flyingSince }) => clock.now().mono - (flyingSince() ?? clock.now().mono)),
    );
    const isUnpacked = progress?.of !== undefined && progress.present === progress.of;
    const hasCome = !progress && (this.#plans?.has(image) ?? true); // a manifest that is of no use to us, or nobody tells
    const idle = progress ? (progress.idleMs ?? 0) : flown;
    onStall(image, !hasCome && !isUnpacked && flown >= STALLED_MS && idle >= STALLED_MS);
  }

  async #refresh(): Promise<void> {
    const { service, clock, flying } = this.#options;
    const pulls = [...this.#pulls].map(({ pull }) => pull).filter(isFlying);
    const images = new Set(pulls.map(({ image }) => image));
    this.#plans?.keep(images);
    if (pulls.length === 0) return;
    let transfers: readonly Transfer[] = [];
    try {
      if (!this.#isUntold) transfers = await service.listPullProgress!({ timeoutMs: PROGRESS_MS });
    } catch (error) {
      if (!isUnimplemented(error)) return;
      this.#isUntold = true;
    }
    if (this.#isUntold) {
      for (const pull of pulls) if (isFlying(pull)) pull.onProgress('untold');
      return;
    }
    const now = clock.now().wall;
    const told = await Promise.all([...images].map((image) => this.#progressOf(image, transfers, now)));
    // Of the others the sum of what is left says something too.
    const rest = summarize(this.#plans?.othersOf(transfers) ?? transfers, flying() > 1, now);
    for (const [i, image] of [...images].entries()) {
      const own = pulls.filter((pull) => pull.image === image && isFlying(pull));
      for (const pull of own) pull.onProgress(told[i] ?? rest);
      this.#noteStall(image, own, told[i]);
    }
  }

  /** undefined: what the image consists of is not known, or cannot be found out. */
  async #progressOf(image: string, transfers: readonly Transfer[], now: number): Promise<PullProgress | undefined> {
    return this.#plans?.progressOf(image, transfers, now, { timeoutMs: PROGRESS_MS }).catch(() => undefined);
  }
}

const isFlying = (pull: WatchedPull) => pull.flyingSince() !== undefined;
