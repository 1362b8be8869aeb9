import type { NodeEvent } from '../../events/event.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { untilHolds } from '../../lib/untilHolds.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { PodTable } from '../../pods/table.ts';
import { isTerminal } from '../../status/rules/phase.ts';
import type { ShutdownState } from './files.ts';
import { graceIn, groupOf, type ShutdownGroup } from './rules/groups.ts';
import { shutdownEvent, shutdownRequest } from './rules/words.ts';
import type { ShuttingDown } from './shuttingDown.ts';

/** How long the first Pods wait until the API server has the Node as not ready. */
const NOT_READY_MS = 1_000;
/** How long statuses of a group are waited for once all of it has ended: the API server may be one of those that end. */
const STATUS_MS = 5_000;

export interface NodeShutdownOptions {
  /** In the order in which they end; at least one. */
  readonly groups: readonly ShutdownGroup[];
  readonly table: PodTable;
  /** What everybody else looks at: from its `set` on the Node is not ready and no Pod is admitted. */
  readonly state: ShuttingDown;
  /** Resolves when the API server has the Node as not ready; rejects when the signal aborts first. */
  readonly notReady: (signal: AbortSignal) => Promise<void>;
  /** Whether statuses are written at all (not in standalone mode). */
  readonly writesStatuses: boolean;
  /** Lets the machine go. */
  readonly release: () => void;
  readonly recordEvent: (event: NodeEvent) => void;
  /** The file of the times; undefined: they are not kept (GracefulNodeShutdownBasedOnPodPriority is off). */
  readonly times?: Pick<ShutdownState, 'save'>;
  readonly onTimes: (startWall: number, endWall: number | undefined) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The end of the node: first it is not ready and admits nobody, then its Pods end group by group, the least important first; each group
 * has its time, and the next one begins as soon as nothing of it is left on the node and the API server has its statuses. Then the
 * machine may go. A shutdown that is called off ends no more Pods.
 */
export class NodeShutdown {
  readonly #options: NodeShutdownOptions;
  #running: AbortController | undefined;

  constructor(options: NodeShutdownOptions) {
    this.#options = options;
  }

  /** The machine is about to shut down, or does not after all. */
  heard(starts: boolean): void {
    const { recordEvent, state } = this.#options;
    recordEvent(shutdownEvent(starts));
    this.#running?.abort(new Error('the shutdown was called off'));
    this.#running = undefined;
    state.set(starts);
    if (!starts) return;
    this.#running = new AbortController();
    void this.#end(this.#running.signal);
  }

  /** Resolves when every group had its time and the machine may go, or the shutdown was called off. */
  async #end(signal: AbortSignal): Promise<void> {
    const { clock, release, log, times, onTimes } = this.#options;
    const { wall: start, mono } = clock.now();
    onTimes(start, undefined);
    // Beside the rest: the disk may be slow, and the time is counted.
    const noted = times?.save({ start });
    try {
      await this.#groups(mono, signal);
    } catch (error) {
      if (signal.aborted) {
        log.info('The shutdown of the machine was called off');
        return;
      }
      log.error('Not all Pods could be ended before the machine shuts down', { error: errorMessage(error) });
    }
    const end = clock.now().wall;
    onTimes(start, end);
    await noted;
    await times?.save({ start, end });
    log.info('Pods had their time; the machine may shut down', { ms: Math.round(clock.now().mono - mono) });
    release();
  }

  async #groups(beganMono: number, signal: AbortSignal): Promise<void> {
    const { groups, clock, log } = this.#options;
    await this.#within(NOT_READY_MS, signal, this.#options.notReady);
    let latest = beganMono;
    for (const [index, group] of groups.entries()) {
      // Waiting for the Node's status comes out of the first group's time: the machine waits no longer than all of them together.
      latest += group.seconds * 1000;
      const pods = this.#alive().filter(({ pod }) => pod && groupOf(groups, pod) === index);
      if (pods.length === 0) continue;
      const ms = Math.max(0, Math.min(group.seconds * 1000, latest - clock.now().mono));
      log.info('Ending Pods because the node shuts down', { priority: group.priority, pods: pods.length, ms });
      for (const { uid, pod } of pods) if (pod) this.#options.table.end(uid, shutdownRequest(graceIn(group, pod)));
      const done = await this.#within(ms, signal, (late) => this.#ended(pods, late));
      const { priority } = group;
      if (!done) log.warn('Pods are left on the node after their time', { priority, pods: this.#names(pods) });
    }
  }

  /** Pods that have not ended; those that somebody is ending already get no longer than their group has. */
  #alive(): PodEntry[] {
    return this.#options.table.all().filter(({ phase, pod }) => pod !== null && phase !== 'Finished');
  }

  /** Nothing of these Pods is left, volumes included; then, for a while, the API server has their statuses. */
  async #ended(pods: readonly PodEntry[], signal: AbortSignal): Promise<void> {
    const { table, writesStatuses } = this.#options;
    const each = (done: (entry: PodEntry) => boolean) =>
      pods.every(({ uid }) => {
        const entry = table.get(uid);
        return entry === undefined || done(entry);
      });
    await this.#until(() => each(({ phase }) => phase === 'Finished'), signal);
    if (!writesStatuses) return;
    await this.#within(STATUS_MS, signal, (late) => this.#until(() => each(isWritten), late));
  }

  #names(pods: readonly PodEntry[]): string {
    const left = pods.filter(({ uid }) => (this.#options.table.get(uid)?.phase ?? 'Finished') !== 'Finished');
    return left
      .slice(0, 10)
      .map(({ namespace, name }) => `${namespace}/${name}`)
      .join(', ');
  }

  /** Resolves when the condition holds, which is looked at after each decision of any Pod. */
  #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    const { table } = this.#options;
    return untilHolds(holds, (look) => table.onAnyChange(look), signal);
  }

  /** Whether `work` was done in time. Rejects when `signal` aborts. */
  async #within(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    const late = sleep(this.#options.clock, ms, both).then(
      () => false,
      () => false,
    );
    const done = work(both).then(
      () => true,
      () => false,
    );
    const inTime = await Promise.race([done, late]);
    over.abort();
    signal.throwIfAborted();
    return inTime;
  }
}

function isWritten({ accepted, origin, gone }: PodEntry): boolean {
  return gone || origin === 'runtime' || isTerminal(accepted?.phase);
}
