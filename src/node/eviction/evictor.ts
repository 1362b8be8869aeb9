import type { ObservedPod } from '../../cri/observed.ts';
import type { PodEvent } from '../../events/event.ts';
import { isCriticalPod } from '../../k8s/criticalPod.ts';
import { bounded, MESSAGE_BYTES } from '../../lib/bounded.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { DisruptionCondition } from '../../pods/facts.ts';
import type { ServedPod } from '../../pods/served.ts';
import type { PodTable } from '../../pods/table.ts';
import type { EvictionMetrics } from './evictionMetrics.ts';
import type { PodMeasures } from './podMeasures.ts';
import { exceededLimit } from './rules/localLimits.ts';
import type { Observations } from './rules/observations.ts';
import { type EvictionCandidate, type Ranked, rankPods } from './rules/ranking.ts';
import { type DiskLayout, type Signal, signals } from './rules/signals.ts';
import type { Threshold } from './rules/thresholds.ts';
import { EVICTED, evictionWords } from './rules/words.ts';

/** A hard threshold or a limit of the Pod leaves it this long. */
const HARD_GRACE_SECONDS = 1;
/** kubelet's podCleanupTimeout. */
const GONE_MS = 30_000;

export interface EvictorOptions {
  readonly table: PodTable;
  /** The Pods as statistics see them. */
  readonly pods: () => readonly ServedPod[];
  readonly measures: Pick<PodMeasures, 'of' | 'forLimits' | 'withContainers'>;
  readonly metrics: EvictionMetrics;
  readonly onEvent: (entry: PodEntry, event: PodEvent) => void;
  /** evictionMaxPodGracePeriod. */
  readonly maxGraceSeconds: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What an eviction says and how much time it leaves. */
interface Sentence {
  readonly graceSeconds: number;
  readonly message: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly condition?: DisruptionCondition;
}

/** Memory and tasks are taken by what runs. */
function runs({ containers }: ObservedPod): boolean {
  return containers.some(({ state }) => state === 'running');
}

/** Volumes and layers stay while a container waits for its next start. */
function holdsDisk({ sandboxes, containers }: ObservedPod): boolean {
  return sandboxes.length > 0 || containers.length > 0;
}

/** Chooses Pods and asks for their end; that they end is their workers' work, and survives a restart of this program. */
export class Evictor implements Disposable {
  readonly #options: EvictorOptions;
  /** The grace that was asked for, by UID: who was asked to end is not asked again for the same. */
  readonly #asked = new Map<string, number>();
  readonly #following: Disposable;

  constructor(options: EvictorOptions) {
    this.#options = options;
    this.#following = options.table.onEnded((uid) => this.#asked.delete(uid));
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
  }

  /** Ends every Pod that has outgrown a limit of its own; returns their UIDs. */
  async overLimits(layout: DiskLayout): Promise<string[]> {
    const active = this.#active(holdsDisk).filter(({ uid, pod }) => !isCriticalPod(pod) && !this.#asked.has(uid));
    if (active.length === 0) return [];
    const measured = await this.#options.measures.forLimits(active.map(({ served }) => served));
    return active.flatMap(({ uid, pod }) => {
      const stats = measured.get(uid);
      const exceeded = stats && exceededLimit(pod, stats, layout.imageFs);
      if (!exceeded || !this.#end(uid, { graceSeconds: HARD_GRACE_SECONDS, message: exceeded.message })) return [];
      this.#options.metrics.evicted(exceeded.signal);
      return [uid];
    });
  }

  /** All Pods that take something of a signal's resource, in the order in which they would go for it. Rejects when they cannot be measured. */
  async ranked(signal: Signal, layout: DiskLayout): Promise<Ranked[]> {
    const active = this.#active(signals[signal].condition === 'DiskPressure' ? holdsDisk : runs);
    const measured = await this.#options.measures.of(
      signal,
      active.map(({ served }) => served),
    );
    const candidates = active.map(({ uid, pod }): EvictionCandidate => ({ uid, pod, stats: measured.get(uid) }));
    return rankPods(signal, candidates, layout);
  }

  /** Ends the one Pod that goes first for a threshold, by a look at the node; returns its UID, or that of one that has just ended by itself; undefined when there is none to be ended. */
  async one(
    threshold: Threshold,
    acting: readonly Threshold[],
    { observations, atMs }: { readonly observations: Observations; readonly atMs: number },
    layout: DiskLayout,
  ): Promise<string | undefined> {
    const { clock, log, metrics, measures, maxGraceSeconds } = this.#options;
    const ranked = await this.ranked(threshold.signal, layout);
    for (const { signal } of acting) metrics.age(signal, (clock.now().mono - atMs) / 1000);
    const { resource } = signals[threshold.signal];
    for (const { candidate, critical } of ranked) {
      const { uid, pod, stats } = candidate;
      // It ended while Pods were measured: what it gave back is looked at before anybody else goes.
      if (!this.#isAlive(uid)) return uid;
      if (critical) {
        log.warn('Eviction: a critical Pod is not ended for pressure', { podUID: uid });
        continue;
      }
      const own = pod.spec?.terminationGracePeriodSeconds;
      const soft = Math.min(maxGraceSeconds, own ?? maxGraceSeconds);
      const graceSeconds = threshold.graceMs === 0 ? HARD_GRACE_SECONDS : soft;
      if ((this.#asked.get(uid) ?? Number.POSITIVE_INFINITY) <= graceSeconds) continue;
      const served = this.#options.pods().find((p) => p.uid === uid);
      const complete = resource === 'memory' && stats && served ? await measures.withContainers(stats, served) : stats;
      const { message, annotations } = evictionWords(resource, pod, complete, acting, observations);
      const condition = { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message } as const;
      if (this.#end(uid, { graceSeconds, message, annotations, condition })) metrics.evicted(threshold.signal);
      return uid;
    }
    return undefined;
  }

  /** Resolves when nothing is left of these Pods, or after 30 s. */
  async gone(uids: readonly string[], signal: AbortSignal): Promise<void> {
    const { table, clock } = this.#options;
    const over = Promise.withResolvers<void>();
    const seen = new AbortController();
    using stack = new DisposableStack();
    const isGone = (uid: string) => (table.get(uid)?.phase ?? 'Finished') === 'Finished';
    const look = () => uids.every(isGone) && over.resolve();
    for (const uid of uids) stack.use(table.onChange(uid, look));
    look();
    const late = sleep(clock, GONE_MS, AbortSignal.any([signal, seen.signal])).catch(() => {}); // seen, or the end
    await Promise.race([over.promise, late]);
    seen.abort();
  }

  /** Pods that may take something: ending another would free nothing. */
  #active(takes: (observed: ObservedPod) => boolean) {
    const { table } = this.#options;
    return this.#options.pods().flatMap((served) => {
      const entry = table.get(served.uid);
      const pod = entry?.pod;
      const isTaker = served.observed !== null && takes(served.observed);
      return pod && this.#isAlive(served.uid) && isTaker ? [{ uid: served.uid, pod, served: { ...served, pod } }] : [];
    });
  }

  #isAlive(uid: string): boolean {
    const phase = this.#options.table.get(uid)?.phase;
    return phase === 'Active' || phase === 'Terminating';
  }

  #end(uid: string, { graceSeconds, message, annotations, condition }: Sentence): boolean {
    const { table, onEvent, log } = this.#options;
    const entry = table.get(uid);
    if (!entry) return false;
    const text = bounded(message, MESSAGE_BYTES);
    const about =
      annotations && Object.entries(annotations).map(([key, value]) => [key, bounded(value, MESSAGE_BYTES)]);
    const details = about ? { annotations: Object.fromEntries(about) } : {};
    onEvent(entry, { type: 'Warning', reason: EVICTED, message, ...details });
    this.#asked.set(uid, graceSeconds);
    const { namespace, name } = entry;
    log.warn('Eviction: a Pod is ended', { pod: `${namespace}/${name}`, podUID: uid, graceSeconds, why: text });
    const why = condition ? { condition: { ...condition, message: text } } : {};
    return table.end(uid, { cause: 'evicted', graceSeconds, reason: EVICTED, message: text, ...why });
  }
}
