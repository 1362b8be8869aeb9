import type { BackoffPolicy } from '../lib/backoff.ts';
import { backoffDelay } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Pod, PodStatus } from '../types/k8s.ts';
import type { StatusLane } from './lanes.ts';
import { LaneQueue, laneFor } from './lanes.ts';
import type { StatusPatch } from './patch.ts';
import { buildStatusPatch } from './patch.ts';
import type { StatusProblem } from './problems.ts';
import { askedDelay, isGone, problemOf } from './problems.ts';
import type { PodRef, StatusRecord } from './record.ts';
import { isOlder, recordFor, refOf } from './record.ts';

/** The part of lib's RateLimiter that is needed. */
export interface StatusLimiter {
  tryAcquire(): boolean;
  acquire(signal?: AbortSignal): Promise<void>;
}

export interface StatusPublisherOptions {
  /** PATCHes the status sub-resource (strategic merge) and returns the Pod as the API server then has it. Bounded in time. */
  patchStatus(namespace: string, name: string, uid: string, body: StatusPatch, signal: AbortSignal): Promise<Pod>;
  readonly clock: Clock;
  readonly limiter?: StatusLimiter;
  /** Writes under way at one time; one Pod never has two. */
  readonly maxInFlight?: number;
  readonly backoff?: BackoffPolicy;
  readonly random?: () => number;
  /** The wanted status is in the API server. */
  onAccepted(uid: string, pod: Pod): void;
  onProblem(uid: string, problem: StatusProblem): void;
  /** For kubelet_pod_status_sync_duration_seconds: from the first unwritten change to the accepted write. */
  onSynced?(seconds: number): void;
}

const defaultBackoff: BackoffPolicy = { initialMs: 200, maxMs: 7_000, factor: 2, jitter: 0.5 };
/** Against a writer that undoes ours, or a server that drops a field, the same write is repeated ever more slowly. */
const repairBackoff: BackoffPolicy = { initialMs: 1000, maxMs: 60_000, factor: 2, jitter: 0.5 };
/** A status that held for so long counts as settled: what undoes it then is met at once again. Longer than any pause between repairs. */
const REPAIRS_END_MS = 120_000;

/**
 * Writes Pod statuses: in order for each Pod, side by side for different ones, urgent ones first. Only the newest wanted status
 * of a Pod waits; it is compared with the last state that the server was seen to have, never with a GET. Failed writes are
 * tried again for ever, until the Pod turns out to be gone or is forgotten.
 */
export class StatusPublisher implements Disposable {
  readonly #options: StatusPublisherOptions;
  readonly #records = new Map<string, StatusRecord>();
  readonly #queue = new LaneQueue<StatusRecord>();
  readonly #stop = new AbortController();
  #inFlight = 0;
  #awaitsToken = false;

  constructor(options: StatusPublisherOptions) {
    this.#options = options;
  }

  /** Makes `wanted` the status to write. `ref` names the API object: of a static Pod its mirror, also when it is re-created. */
  publish(uid: string, ref: PodRef, wanted: PodStatus, lane: StatusLane): void {
    const record = this.#recordOf(uid, ref);
    record.wanted = wanted;
    if (lane === 'urgent') record.lane = lane;
    if (record.gone) return; // until the watch shows the Pod again
    record.since ??= this.#now();
    if (record.pausing) this.#clearTimer(record);
    if (!record.sending && !record.timer) this.#enqueue(record);
  }

  /** The status that the API server was last seen to have. */
  accepted(uid: string): PodStatus | undefined {
    return this.#records.get(uid)?.pod?.status;
  }

  /** The newest status that was handed over: written, on its way or waiting. */
  wanted(uid: string): PodStatus | undefined {
    return this.#records.get(uid)?.wanted;
  }

  /**
   * Takes in the API object as the watch shows it (the mirror under its static Pod's uid). Call it before the first `publish`, so
   * that only differences are sent. If another writer changed what the kubelet owns, it is written again.
   */
  observeApi(uid: string, pod: Pod): void {
    const record = this.#recordOf(uid, this.#records.get(uid)?.wanted ? undefined : refOf(pod), pod);
    if (pod.metadata?.uid !== record.ref.uid || isOlder(pod, record.pod)) return;
    record.gone = false; // it is there after all
    record.pod = pod;
    if (!record.sending && !record.timer) this.#repair(record);
  }

  /** The API server answers again: everything that waits for another try goes out now. */
  apiBack(): void {
    for (const record of this.#records.values()) {
      if (!record.timer) continue;
      this.#clearTimer(record);
      this.#enqueue(record);
    }
  }

  /** Drops the Pod and aborts its write. */
  forget(uid: string): void {
    const record = this.#records.get(uid);
    if (!record) return;
    this.#records.delete(uid);
    this.#reset(record);
  }

  /** Stops everything; nothing is reported any more. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    for (const uid of [...this.#records.keys()]) this.forget(uid);
  }

  // Without `ref` an existing record is meant. Another uid is another object: what was known of the former one is void.
  #recordOf(uid: string, ref: PodRef | undefined, pod?: Pod): StatusRecord {
    const known = this.#records.get(uid);
    if (known && (!ref || ref.uid === known.ref.uid)) return known;
    if (known) this.#reset(known);
    const record = recordFor(uid, ref ?? refOf(pod ?? {}));
    this.#records.set(uid, record);
    return record;
  }

  #reset(record: StatusRecord): void {
    this.#queue.delete(record);
    this.#clearTimer(record);
    record.gone = true;
    record.sending?.abort();
  }

  #clearTimer(record: StatusRecord): void {
    record.timer?.[Symbol.dispose]();
    delete record.timer;
    delete record.pausing;
  }

  #patchOf(record: StatusRecord): StatusPatch | null {
    if (!record.wanted) return null;
    return buildStatusPatch(record.pod?.status ?? {}, record.wanted, record.ref.uid);
  }

  #enqueue(record: StatusRecord): void {
    if (record.gone || this.#stop.signal.aborted) return;
    if (this.#patchOf(record)) {
      this.#queue.push(record, record.lane);
      this.#pump();
    } else {
      this.#settled(record);
    }
  }

  #repair(record: StatusRecord): void {
    const patch = this.#patchOf(record);
    if (!patch || !record.wanted) return;
    record.lane = laneFor(record.pod?.status, record.wanted);
    record.since ??= this.#now();
    const count = this.#countRepair(record, record.wanted);
    if (count === 1 && JSON.stringify(patch) !== record.acceptedBody) this.#enqueue(record);
    else {
      this.#later(record, backoffDelay(repairBackoff, Math.max(0, count - 2), this.#random()));
      record.pausing = true;
    }
  }

  // Not by the body: a writer that undoes now this and now that would be answered at once for ever.
  #countRepair(record: StatusRecord, wanted: PodStatus): number {
    const { repaired } = record;
    const at = this.#now();
    const goesOn = repaired?.wanted === wanted && at - repaired.at < REPAIRS_END_MS;
    record.repaired = { wanted, at, count: goesOn ? repaired.count + 1 : 1 };
    return record.repaired.count;
  }

  #pump(): void {
    const { limiter, maxInFlight = 32 } = this.#options;
    while (this.#queue.size > 0 && this.#inFlight < maxInFlight && !this.#stop.signal.aborted) {
      if (this.#awaitsToken) return;
      if (!limiter || limiter.tryAcquire()) this.#sendNext();
      else this.#awaitToken(limiter);
    }
  }

  // Who goes next is decided when the token is there, not when it was asked for: the lanes may have changed.
  #awaitToken(limiter: StatusLimiter): void {
    this.#awaitsToken = true;
    const go = () => {
      this.#awaitsToken = false;
      this.#sendNext();
      this.#pump();
    };
    limiter.acquire(this.#stop.signal).then(go, () => {
      this.#awaitsToken = false;
    });
  }

  #sendNext(): void {
    const record = this.#queue.shift();
    if (!record) return;
    const patch = this.#patchOf(record);
    if (patch) void this.#send(record, patch);
    else this.#settled(record);
  }

  async #send(record: StatusRecord, patch: StatusPatch): Promise<void> {
    const { namespace, name, uid } = record.ref;
    const { wanted, lane } = record;
    const abort = new AbortController();
    record.sending = abort;
    record.lane = 'normal';
    this.#inFlight++;
    const answer = await this.#try(() => this.#options.patchStatus(namespace, name, uid, patch, abort.signal));
    this.#inFlight--;
    delete record.sending;
    if (!record.gone && 'pod' in answer) this.#answered(record, wanted, patch, answer.pod);
    else if (!record.gone && 'error' in answer) this.#failed(record, lane, answer.error);
    this.#pump();
  }

  async #try(call: () => Promise<Pod>): Promise<{ pod: Pod } | { error: unknown }> {
    try {
      return { pod: await call() };
    } catch (error) {
      return { error };
    }
  }

  #answered(record: StatusRecord, sent: PodStatus | undefined, patch: StatusPatch, pod: Pod): void {
    record.attempt = 0;
    record.acceptedBody = JSON.stringify(patch);
    if (!isOlder(pod, record.pod)) record.pod = pod;
    if (record.wanted !== sent) {
      this.#enqueue(record);
      return;
    }
    this.#settled(record);
    // Another writer may have come between; a server that drops a field looks the same, and is written to ever more slowly.
    if (!record.gone && !record.sending) this.#repair(record);
  }

  #settled(record: StatusRecord): void {
    this.#queue.delete(record);
    record.lane = 'normal';
    if (record.since !== undefined) this.#options.onSynced?.((this.#now() - record.since) / 1000);
    delete record.since;
    if (record.pod) this.#options.onAccepted(record.uid, record.pod);
  }

  #failed(record: StatusRecord, lane: StatusLane, error: unknown): void {
    if (lane === 'urgent') record.lane = lane;
    const pod = `${record.ref.namespace}/${record.ref.name}`;
    const gone = isGone(error, record.ref.name);
    const policy = this.#options.backoff ?? defaultBackoff;
    const delay = gone ? 0 : Math.max(backoffDelay(policy, record.attempt, this.#random()), askedDelay(error));
    record.attempt++;
    if (gone) record.gone = true;
    else this.#later(record, delay);
    this.#options.onProblem(record.uid, problemOf(error, pod, gone ? 'gone' : 'retrying', record.attempt, delay));
  }

  #later(record: StatusRecord, delayMs: number): void {
    record.timer = this.#options.clock.setTimer(delayMs, () => {
      this.#clearTimer(record);
      this.#enqueue(record);
    });
  }

  #now(): number {
    return this.#options.clock.now().mono;
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }
}
