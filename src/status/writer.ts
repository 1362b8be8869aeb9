import type { ApiClient } from '../api/client.ts';
import { isStaticPod } from '../k8s/criticalPod.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Mirrors } from '../pods/mirrors.ts';
import type { PodTable } from '../pods/table.ts';
import type { Recorder } from '../timeline/recorder.ts';
import type { Pod, PodStatus } from '../types/k8s.ts';
import { laneFor } from './lanes.ts';
import { type StatusLimiter, StatusPublisher } from './publisher.ts';
import { refOf } from './record.ts';
import { HOLD_MS, mayWait } from './rules/holdBack.ts';
import { statusSummary } from './rules/summary.ts';
import { isStepOfResize } from './stepOfResize.ts';

/** Hears how long statuses take; must not throw. */
export interface StatusFollower {
  /** A status is to be written, from now on. */
  statusWanted(uid: string): void;
  /** Makes the call that writes it. */
  writeStatus<T>(uid: string, work: () => Promise<T>): Promise<T>;
  /** The API server has the newest status; wall ms. */
  statusWritten(uid: string, at: number): void;
}

/** Where the writer reads and what it tells. */
export interface StatusWriterOptions {
  readonly client: ApiClient;
  /** Writes beyond it wait, urgent ones first. */
  readonly limiter?: StatusLimiter;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly mirrors: Mirrors;
  readonly table: PodTable;
  readonly follower?: StatusFollower | undefined;
}

/** Writes the Pods' statuses to the API server, and tells the Pods what it answered. */
export class StatusWriter implements Disposable {
  readonly publisher: StatusPublisher;
  readonly #options: StatusWriterOptions;
  readonly #held = new Map<string, { send: () => void; readonly timer: Disposable }>();
  readonly #ended: Disposable;

  constructor(options: StatusWriterOptions) {
    const { clock, client, table, limiter } = options;
    this.#options = options;
    this.publisher = new StatusPublisher({
      clock,
      ...(limiter ? { limiter } : {}),
      patchStatus: (namespace, name, uid, body, signal) => this.#patch(client, namespace, name, uid, body, signal),
      onAccepted: (uid, { status }) => {
        if (!this.#held.has(uid)) options.follower?.statusWritten(uid, clock.now().wall);
        this.#accepted(uid, status);
      },
      onProblem: (uid, { message }) => table.learn(uid, { kind: 'statusProblem', message }),
    });
    this.#ended = table.onEnded((uid) => this.#forget(uid));
  }

  /** A static Pod's status goes to its mirror; without one there is nowhere to write it yet. */
  publish(pod: Pod, status: PodStatus): void {
    const { mirrors, clock, follower } = this.#options;
    const uid = pod.metadata?.uid ?? '';
    const target = isStaticPod(pod) ? mirrors.of(pod) : pod;
    if (!target) return;
    follower?.statusWanted(uid);
    const accepted = this.publisher.accepted(uid);
    // What is on its way counts as well: the API server may have it any moment.
    const sent = this.publisher.wanted(uid);
    const lane = sent && laneFor(sent, status) === 'urgent' ? 'urgent' : laneFor(accepted, status);
    const send = () => {
      this.#held.get(uid)?.timer[Symbol.dispose]();
      this.#held.delete(uid);
      this.publisher.publish(uid, refOf(target), status, lane);
    };
    if (!mayWait(pod, accepted, status, lane) && (lane === 'urgent' || !isStepOfResize(accepted, status))) {
      send();
      return;
    }
    const held = this.#held.get(uid);
    if (held) held.send = send;
    else {
      const entry = { send, timer: clock.setTimer(HOLD_MS, () => entry.send()) };
      this.#held.set(uid, entry);
    }
  }

  [Symbol.dispose](): void {
    this.#ended[Symbol.dispose]();
    for (const { timer } of this.#held.values()) timer[Symbol.dispose]();
    this.publisher[Symbol.dispose]();
  }

  #forget(uid: string): void {
    this.#held.get(uid)?.timer[Symbol.dispose]();
    this.#held.delete(uid);
    this.publisher.forget(uid);
  }

  async #patch(
    client: ApiClient,
    namespace: string,
    name: string,
    uid: string,
    body: object,
    signal: AbortSignal,
  ): Promise<Pod> {
    const { clock, recorder, follower } = this.#options;
    const write = () => client.patch('Pod', { namespace, name }, 'strategic', body, { subresource: 'status', signal });
    const at = clock.now();
    const summary = statusSummary((body as { status?: PodStatus }).status ?? {});
    const record = (error?: unknown) =>
      recorder.record(uid, {
        kind: 'status',
        at,
        summary,
        end: clock.now().mono,
        ...(error === undefined ? {} : { error: errorMessage(error) }),
      });
    try {
      const pod = await (follower ? follower.writeStatus(uid, write) : write());
      record();
      return pod;
    } catch (error) {
      record(error);
      throw error;
    }
  }

  #accepted(uid: string, status: PodStatus | undefined): void {
    const { table } = this.#options;
    if (table.get(uid)?.accepted === status) return;
    table.learn(uid, { kind: 'accepted', status, written: true });
  }
}
