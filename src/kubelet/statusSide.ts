import type { ApiClient } from '../api/client.ts';
import type { Clock } from '../lib/clock.ts';
import { isStaticPod } from '../lib/criticalPod.ts';
import { errorMessage } from '../lib/errors.ts';
import type { PodWorkers } from '../podworker/workers.ts';
import { laneFor } from '../status/lanes.ts';
import { StatusPublisher } from '../status/publisher.ts';
import { refOf } from '../status/record.ts';
import type { Recorder } from '../timeline/recorder.ts';
import type { Pod, PodStatus } from '../types/k8s.ts';
import type { Mirrors } from './mirrors.ts';
import { statusSummary } from './recording.ts';

/**
 * How long a status that nobody waits for (neither Ready nor terminal nor Running) is held back, so that the next one replaces it: most
 * starts and deletions then cost one write, and what the API server saves, the runtime beside it can use.
 */
const holdMs = 500;

/** Writes the workers' statuses to the API and reads the answers back into their facts. */
export class StatusSide implements Disposable {
  readonly publisher: StatusPublisher;
  readonly #recorder: Recorder;
  readonly #mirrors: Mirrors;
  readonly #workers: () => PodWorkers;

  readonly #clock: Clock;
  readonly #held = new Map<string, { send: () => void; readonly timer: Disposable }>();

  constructor(client: ApiClient, clock: Clock, recorder: Recorder, mirrors: Mirrors, workers: () => PodWorkers) {
    this.#recorder = recorder;
    this.#clock = clock;
    this.#mirrors = mirrors;
    this.#workers = workers;
    this.publisher = new StatusPublisher({
      clock,
      patchStatus: (namespace, name, uid, body, signal) => this.#patch(client, namespace, name, uid, body, signal),
      onAccepted: (uid, pod) => this.#accepted(uid, pod),
      onProblem: (uid, problem) => this.#problem(uid, problem.message),
    });
  }

  /** A static Pod's status goes to its mirror; without one there is nowhere to write it yet. */
  publish(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata?.uid ?? '';
    const target = isStaticPod(pod) ? this.#mirrors.of(pod) : pod;
    if (!target) return;
    const accepted = this.publisher.accepted(uid);
    // What is on its way counts as well: the API server may have it any moment.
    const sent = this.publisher.wanted(uid);
    const lane = sent && laneFor(sent, status) === 'urgent' ? 'urgent' : laneFor(accepted, status);
    const send = () => {
      this.#held.get(uid)?.timer[Symbol.dispose]();
      this.#held.delete(uid);
      this.publisher.publish(uid, refOf(target), status, lane);
    };
    // A Pod that runs now and a container of a running Pod that changes are news; the steps of a start or of a deletion are not.
    const starting = (accepted?.phase ?? 'Pending') === 'Pending' && status.phase === 'Pending';
    const passing = starting || pod.metadata?.deletionTimestamp !== undefined;
    if (lane === 'urgent' || !passing) {
      send();
      return;
    }
    const held = this.#held.get(uid);
    if (held) held.send = send;
    else {
      const entry = { send, timer: this.#clock.setTimer(holdMs, () => entry.send()) };
      this.#held.set(uid, entry);
    }
  }

  /** Drops the Pod. */
  forget(uid: string): void {
    this.#held.get(uid)?.timer[Symbol.dispose]();
    this.#held.delete(uid);
    this.publisher.forget(uid);
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#held.values()) timer[Symbol.dispose]();
    this.publisher[Symbol.dispose]();
  }

  async #patch(
    client: ApiClient,
    namespace: string,
    name: string,
    uid: string,
    body: object,
    signal: AbortSignal,
  ): Promise<Pod> {
    const started = { wall: Date.now(), mono: performance.now() };
    const summary = statusSummary((body as { status?: PodStatus }).status ?? {});
    const record = (error?: unknown) =>
      this.#recorder.record(uid, {
        kind: 'status',
        at: started,
        summary,
        end: performance.now(),
        ...(error === undefined ? {} : { error: errorMessage(error) }),
      });
    try {
      const pod = await client.patch('Pod', { namespace, name }, 'strategic', body, { subresource: 'status', signal });
      record();
      return pod;
    } catch (error) {
      record(error);
      throw error;
    }
  }

  #accepted(uid: string, pod: Pod): void {
    const worker = this.#workers().get(uid);
    if (!worker || worker.facts.accepted === pod.status) return;
    worker.facts.accepted = pod.status;
    worker.facts.statusProblem = undefined;
    worker.wake();
  }

  #problem(uid: string, message: string): void {
    const worker = this.#workers().get(uid);
    if (!worker) return;
    worker.facts.statusProblem = message;
    worker.wake();
  }
}
