import type { ObservedPod } from '../cri/observed.ts';
import type { PodEvent } from '../events/event.ts';
import type { Clock } from '../lib/clock.ts';
import type { PodOrigin } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { RecordedPod } from '../timeline/recorder.ts';
import type { Pod, PodStatus } from '../types/k8s.ts';
import type { Effect } from './outcome.ts';
import type { RecordedResources } from './resourceFacts.ts';
import type { Action } from './rules/actions.ts';
import type { Decision } from './rules/decide.ts';
import type { NodeFacts, PodFacts } from './rules/facts.ts';
import type { PodMemory } from './rules/memory.ts';
import type { PodWorker } from './worker.ts';

/** What a worker needs from the rest of the program: narrow, and the same for every Pod. */
export interface WorkerPorts {
  readonly clock: Clock;
  readonly effect: Effect;
  /** Reads the Pod from the runtime; the answer carries the number that was taken when the read was sent. */
  observe(uid: string, signal: AbortSignal): Promise<ObservedPod>;
  /** Details of this container are read again next time. */
  invalidate(containerId: string): void;
  /** Number of the read sent last: what is known now is visible to reads with a higher one. */
  lastSeq(): number;
  nodeFacts(): NodeFacts;
  /** Whether the runtime handler of this Pod can mount recursively read-only. */
  recursiveReadOnly(pod: Pod | null): boolean;
  gatePositions(uid: string): Readonly<Record<string, number>>;
  /** Hands a status to the publisher; it does nothing if it says nothing new. */
  publish(pod: Pod, status: PodStatus): void;
  event(pod: Pod | null, facts: PodFacts, event: PodEvent): void;
  /** Called after each decision, before its actions start: probes and the timeline follow it. */
  decided(facts: PodFacts, memory: PodMemory, decision: Decision, now: { wall: number; mono: number }): void;
  actionEnded(uid: string, action: Action, startedAt: number, error: unknown): void;
  /** Nothing of the Pod is left: the worker is over. */
  done(uid: string): void;
  /** A defect of ours met this Pod: it stands still, and says so. */
  defect(pod: RecordedPod, error: unknown): void;
}

/** What all workers together (`PodWorkers`) need: what each one needs, and more. */
export interface PodWorkersPorts extends Omit<WorkerPorts, 'done'> {
  /** Where the workers can be found by everybody else. */
  readonly table: PodTable;
  readonly random: () => number;
  /** What an earlier life of the agent wrote down of the Pod's resources. */
  recorded(uid: string): RecordedResources;
  /**
   * A worker was made: follow its references, open its timeline. `pod` is what its source said, null when only the runtime knows
   * it. The result is disposed when the worker is over.
   */
  opened(worker: PodWorker, origin: PodOrigin, pod: Pod | null): Disposable;
  /** The Pod of a worker changed. */
  changed(worker: PodWorker, pod: Pod): void;
}
