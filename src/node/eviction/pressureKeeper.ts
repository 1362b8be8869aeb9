import type { NodeEvent } from '../../events/event.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { NodePressure, PressureCondition } from '../../pods/nodePressure.ts';
import type { Evictor } from './evictor.ts';
import type { NodeState } from './nodeReader.ts';
import type { Reclaimer } from './reclaimer.ts';
import { assessPressure, NO_PRESSURE, type PressureAssessment, rememberConditions } from './rules/assess.ts';
import { thresholdsMet } from './rules/met.ts';
import { type Observed, observe } from './rules/observations.ts';
import { type Look, nextLookMs, PERIOD_MS } from './rules/pace.ts';
import { type DiskLayout, signals } from './rules/signals.ts';
import { type Threshold, withContainerFs } from './rules/thresholds.ts';
import { attemptWords } from './rules/words.ts';
import type { EvictionSettings } from './settings.ts';

/** Where nothing is known of disks yet. */
const ONE_DISK: DiskLayout = { imageFs: false, containerFs: false };
/** Between two turns that follow each other at once: whatever goes wrong, this is no busy loop. */
const BREATH_MS = 1_000;
/** Between two looks that somebody woke: a cgroup at its limit counts up to a hundred events a second. */
const WAKE_MS = 200;

export interface PressureOptions {
  readonly settings: EvictionSettings;
  readonly read: () => Promise<NodeState>;
  readonly pressure: NodePressure;
  readonly evictor: Evictor;
  readonly reclaimer: Reclaimer;
  readonly onEvent: (event: NodeEvent) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The last look at the node, for explanations. */
export interface LastLook {
  readonly atMs: number;
  readonly observed: Observed;
  readonly assessment: PressureAssessment;
  readonly thresholds: readonly Threshold[];
  readonly layout: DiskLayout | undefined;
}

/**
 * The one owner of the node's pressure: looks every 10 s, sooner when a figure falls fast or the kernel says that memory is short,
 * publishes the conditions, and frees what is starved: dead containers and unused images first, then one Pod after another.
 */
export class PressureKeeper implements Disposable {
  readonly #options: PressureOptions;
  readonly #stop = new AbortController();
  #memory = NO_PRESSURE;
  #before: Look | undefined;
  #last: LastLook | undefined;
  #doing = 'waits for its first look';
  #mayEvict = false;
  #limitsAt: number | undefined;
  #early = new AbortController();
  #waking: Disposable | undefined;
  #said = '';

  constructor(options: PressureOptions) {
    this.#options = options;
  }

  get last(): LastLook | undefined {
    return this.#last;
  }

  /** What it does now, for explanations. */
  get doing(): string {
    return this.#doing;
  }

  /** Looks for the first time, and from then on by itself. */
  async start(): Promise<void> {
    if (!this.#hasWork()) {
      this.#says('has no thresholds, and Pods have no limits: nothing is looked at');
      return;
    }
    await this.#look().catch((error) => this.#failed(error));
    void this.#run();
  }

  /** Every source has reported: from now on Pods may be ended. */
  allowEvictions(): void {
    this.#mayEvict = true;
    this.#early.abort();
  }

  /** Something happened that may change a figure: it is looked at now, or soon when that has just been done. */
  wake(): void {
    const { clock } = this.#options;
    this.#waking ??= clock.setTimer((this.#last?.atMs ?? 0) + WAKE_MS - clock.now().mono, () => {
      this.#waking = undefined;
      this.#early.abort();
    });
  }

  /** Conditions that the API server shows of an earlier process hold for one more transition period. */
  remember(conditions: readonly PressureCondition[]): void {
    if (conditions.length === 0 || !this.#hasWork()) return;
    const now = this.#options.clock.now().mono;
    this.#memory = rememberConditions(this.#memory, conditions, now);
    const { pressure, settings } = this.#options;
    pressure.publish(assessPressure([], settings.transitionMs, {}, this.#memory, now).conditions);
  }

  #hasWork(): boolean {
    const { thresholds, localLimits } = this.#options.settings;
    return thresholds.length > 0 || localLimits;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#waking?.[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const again = await this.#turn().catch((error) => this.#failed(error));
      if (signal.aborted) return;
      await this.#rest(again ? BREATH_MS : this.#untilNext());
    }
  }

  /** Returns whether to look again at once. */
  async #turn(): Promise<boolean> {
    const { settings, evictor } = this.#options;
    const look = await this.#look();
    if (!this.#mayEvict) return this.#says('waits until every source of Pods has reported; nothing is ended before');
    const layout = look.layout ?? ONE_DISK;
    if (settings.localLimits && this.#limitsDue()) {
      const evicted = await evictor.overLimits(layout);
      if (evicted.length > 0) return this.#ended(evicted);
    }
    // How disks lie is known once the runtime has told where its files are: until then nobody is ended for one.
    const acting = look.assessment.acting.filter(
      ({ signal }) => look.layout || !signals[signal].condition.startsWith('Disk'),
    );
    const first = acting[0];
    if (!first) return this.#says('nothing is starved');
    return this.#reclaim(first, acting, look, layout);
  }

  /** Not more often than usual, also while looks follow each other quickly. */
  #limitsDue(): boolean {
    const now = this.#options.clock.now().mono;
    if (this.#limitsAt !== undefined && now - this.#limitsAt < PERIOD_MS - BREATH_MS) return false;
    this.#limitsAt = now;
    return true;
  }

  async #reclaim(
    first: Threshold,
    acting: readonly Threshold[],
    { observed, atMs }: LastLook,
    layout: DiskLayout,
  ): Promise<boolean> {
    const { resource } = signals[first.signal];
    const { log, onEvent, evictor, reclaimer } = this.#options;
    log.warn('Eviction: attempting to reclaim', { resource, signal: first.signal });
    onEvent({ type: 'Warning', reason: 'EvictionThresholdMet', message: attemptWords(resource) });
    this.#says(`removes dead containers and unused images, as far as these free ${resource}`);
    const own = acting.filter(({ signal }) => signal === first.signal);
    const isOver = async () => {
      const { observations } = (await this.#look()).observed;
      return thresholdsMet(own, observations, true).length === 0;
    };
    if (await reclaimer.free(first, layout, isOver)) {
      log.info('Eviction: enough was freed without ending a Pod', { resource });
      return acting.length > own.length;
    }
    this.#says(`chooses a Pod to end for ${resource}`);
    const victim = await evictor.one(first, acting, { observations: observed.observations, atMs }, layout);
    if (victim === undefined) return this.#says(`no Pod is left that could be ended for ${resource}`);
    return this.#ended([victim]);
  }

  async #ended(uids: readonly string[]): Promise<boolean> {
    this.#says('waits until the Pods that it ended are gone, at most 30 s');
    await this.#options.evictor.gone(uids, this.#stop.signal);
    return true;
  }

  async #look(): Promise<LastLook> {
    const { settings, read, pressure, clock } = this.#options;
    const { readings, layout } = await read();
    const observed = observe(readings);
    const thresholds = withContainerFs(settings.thresholds, layout ?? ONE_DISK);
    const now = clock.now().mono;
    const assessment = assessPressure(thresholds, settings.transitionMs, observed.observations, this.#memory, now);
    this.#memory = assessment.memory;
    this.#before = this.#last && { atMs: this.#last.atMs, observations: this.#last.observed.observations };
    this.#last = { atMs: readings.atMs, observed, assessment, thresholds, layout };
    this.#sayImpossible(observed.impossible);
    pressure.publish(assessment.conditions);
    return this.#last;
  }

  #untilNext(): number {
    const last = this.#last;
    const observations = last?.observed.observations ?? {};
    return nextLookMs(last?.thresholds ?? [], this.#before, { atMs: last?.atMs ?? 0, observations });
  }

  async #rest(ms: number): Promise<void> {
    const { signal } = this.#early;
    await sleep(this.#options.clock, ms, AbortSignal.any([signal, this.#stop.signal])).catch(() => {}); // woken
    if (signal.aborted) this.#early = new AbortController();
  }

  /** For `return`: there is nothing to be done at once. */
  #says(doing: string): false {
    this.#doing = doing;
    return false;
  }

  #failed(error: unknown): false {
    this.#options.log.error('Eviction: a look at the node failed; the next one comes in its time', {
      error: errorMessage(error),
    });
    return this.#says(`failed: ${errorMessage(error)}`);
  }

  #sayImpossible(sentences: readonly string[]): void {
    const text = sentences.join('; ');
    if (text !== this.#said && text !== '')
      this.#options.log.error('Eviction: figures that cannot be are not acted on', { figures: text });
    this.#said = text;
  }
}
