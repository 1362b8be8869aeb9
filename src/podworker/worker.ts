import type { ObservedPod } from '../cri/observed.ts';
import type { PodEvent } from '../events/event.ts';
import { type BackoffPolicy, backoffDelay } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { Loop } from '../loop/loop.ts';
import type { Slots } from '../loop/slot.ts';
import type { PodEntry } from '../pods/entry.ts';
import type { PodOrigin, TerminateRequest } from '../pods/facts.ts';
import type { PodOwner } from '../pods/table.ts';
import type { FactUpdate } from '../pods/updates.ts';
import type { RecordedPod } from '../timeline/recorder.ts';
import type { AllocatedPod, Pod, PodStatus } from '../types/k8s.ts';
import { toEffectError } from './effectError.ts';
import { entryOf } from './entry.ts';
import { withoutIds } from './eventText.ts';
import type { FactSheet } from './factSheet.ts';
import type { ActionContext, Effect, Outcome } from './outcome.ts';
import { objectIds, podSlotRules } from './podSlots.ts';
import { actionKinds } from './rules/actionKinds.ts';
import type { Action } from './rules/actions.ts';
import { type Decision, decide } from './rules/decide.ts';
import type { NodeFacts, Now, PodFacts } from './rules/facts.ts';
import { freshMemory, type PodMemory } from './rules/memory.ts';

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

/** How long an event waits at most for calls of the same Pod that are under way. */
const hintDelayMs = 250;
/** Pause before a failed read of the runtime is repeated: 100 ms doubling to 5 s. */
const readRetry: BackoffPolicy = { initialMs: 100, maxMs: 5_000 };

/**
 * The one owner of a Pod: collects its facts, lets `decide` judge them, starts what it asks for. Whatever happens to the Pod arrives as a
 * changed fact and wakes its loop; nothing polls.
 */
export class PodWorker implements PodOwner {
  readonly #facts: FactSheet;
  readonly #ports: WorkerPorts;
  readonly #loop: Loop<PodFacts, PodMemory, Action, Decision, Outcome>;
  readonly #heardAt: number;
  #entry: PodEntry | undefined;
  #published = '';
  #hintTimer: Disposable | undefined;
  #reading = false;
  #readAgain = false;
  #readFailures = 0;
  #readTimer: Disposable | undefined;

  constructor(ports: WorkerPorts, sheet: FactSheet, memory: PodMemory = freshMemory()) {
    this.#ports = ports;
    this.#facts = sheet;
    this.#heardAt = ports.clock.now().mono;
    this.#loop = new Loop(
      {
        clock: ports.clock,
        slots: podSlotRules,
        snapshot: (slots) => this.#snapshot(slots),
        decide,
        effect: (action, facts, signal) => ports.effect(action, this.#context(facts, signal)),
        toError: toEffectError,
        lastSeq: () => ports.lastSeq(),
        decided: (facts, before, decision, now) => this.#decided(facts, before, decision, now),
        settled: (action, { startedAt, seq, outcome, thrown }) => {
          ports.actionEnded(this.uid, action, startedAt, thrown);
          this.#facts.take(outcome ?? {}, seq);
          if (this.runtime) this.#loop.slots.forget(objectIds(this.runtime));
        },
        turned: (facts, decision) => this.#turned(facts, decision),
        defect: (error) => ports.defect(this.#facts, error),
      },
      memory,
    );
  }

  get uid(): string {
    return this.#facts.uid;
  }

  get namespace(): string {
    return this.#facts.namespace;
  }

  get name(): string {
    return this.#facts.name;
  }

  get origin(): PodOrigin {
    return this.#facts.origin;
  }

  /** The newest version of the Pod that its source gave, with the resources that it has; null when only the runtime knows it. */
  get pod(): AllocatedPod | null {
    return this.#facts.pod;
  }

  /** The source no longer has it. */
  get gone(): boolean {
    return this.#facts.gone;
  }

  /** The newest truth about its containers. */
  get runtime(): ObservedPod | null {
    return this.#facts.observation.pod;
  }

  /** How the Pod stood at the last decision; before the first one, what is known by now. */
  get entry(): PodEntry {
    const { last, memory, slots } = this.#loop;
    if (!last) return entryOf(this.#snapshot(slots.facts()), memory, []);
    this.#entry ??= entryOf(last.facts, memory, last.decision.reasons);
    return this.#entry;
  }

  get memory(): PodMemory {
    return this.#loop.memory;
  }

  /** The last decision and the snapshot it was made from: what `why` prints. */
  get last(): { facts: PodFacts; decision: Decision } | undefined {
    return this.#loop.last;
  }

  /** Slots whose action may stand in the queue of the node-wide gate. */
  gatedSlots(): string[] {
    return Object.entries(this.#loop.slots.facts()).flatMap(([name, { running }]) =>
      running && actionKinds[running.action.kind].gated ? [name] : [],
    );
  }

  /** The source's newest version of the Pod. */
  setPod(pod: Pod, origin: PodOrigin): void {
    this.#facts.setPod(pod, origin);
    this.wake();
  }

  /** The source dropped the Pod. `last`: the version it was dropped at. */
  setGone(last: Pod | undefined): void {
    this.#facts.setGone(last);
    this.wake();
  }

  /** News from outside: the only way to change a fact of this Pod. */
  learn(update: FactUpdate): void {
    this.#facts.learn(update);
    this.wake();
  }

  /** Somebody wants the Pod ended; requests add up. */
  end(request: TerminateRequest): void {
    this.#facts.addTermination(request);
    this.wake();
  }

  /** A turn in this tick's microtask; any number of wakes before it are one. */
  wake(): void {
    this.#loop.wake();
  }

  /**
   * The runtime says that something happened to the Pod. Most of its events are echoes of calls of ours that are just under way
   * and bring their own results: while one is, the read waits for it, but not for long.
   */
  hint(): void {
    if (this.#hintTimer) return;
    if (!this.#loop.slots.echoing()) {
      this.lookAgain();
      return;
    }
    this.#hintTimer = this.#ports.clock.setTimer(hintDelayMs, () => this.#takeHint());
  }

  #takeHint(): void {
    this.#hintTimer?.[Symbol.dispose]();
    this.#hintTimer = undefined;
    this.lookAgain();
  }

  /** The API object that the status goes to is another one now: it is handed out again. */
  republish(): void {
    this.#published = '';
    this.wake();
  }

  /** Something of the Pod may have changed in the runtime: read it again. One read is under way at most, one more is kept. */
  lookAgain(): void {
    if (this.#loop.life.aborted) return;
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    this.#readTimer?.[Symbol.dispose]();
    this.#readTimer = undefined;
    this.#reading = true;
    void this.#read();
  }

  /** Takes a read that somebody else made (the full list). */
  observed(pod: ObservedPod): void {
    if (this.#facts.observation.read(pod)) this.wake();
  }

  /** Ends the worker; running effects are told to stop, the Pod itself is left as it is. */
  stop(): void {
    this.#hintTimer?.[Symbol.dispose]();
    this.#readTimer?.[Symbol.dispose]();
    this.#loop.stop();
  }

  async #read(): Promise<void> {
    let failed: unknown;
    try {
      const pod = await this.#ports.observe(this.uid, this.#loop.life);
      this.#facts.observation.read(pod);
      this.#facts.readProblem = undefined;
      this.#readFailures = 0;
    } catch (error) {
      failed = error;
    }
    this.#reading = false;
    if (this.#loop.life.aborted) return;
    if (failed !== undefined) this.#readLater(failed);
    else if (this.#readAgain) {
      this.#readAgain = false;
      this.lookAgain();
    }
    this.wake();
  }

  #readLater(error: unknown): void {
    this.#facts.readProblem = errorMessage(error);
    this.#readAgain = false;
    const delay = backoffDelay(readRetry, this.#readFailures++, 0) * (0.75 + 0.5 * this.#facts.seed);
    this.#readTimer = this.#ports.clock.setTimer(delay, () => this.lookAgain());
  }

  #decided(facts: PodFacts, before: PodMemory, decision: Decision, now: Now): void {
    this.#ports.decided(facts, before, decision, now);
    this.#entry = undefined;
    for (const event of decision.events) this.#tell(facts, event);
    if (decision.status && facts.pod) this.#publish(facts.pod, decision);
  }

  #tell(facts: PodFacts, event: PodEvent): void {
    this.#ports.event(facts.pod, facts, withoutIds(event, this.runtime));
  }

  #turned(facts: PodFacts, decision: Decision): void {
    const { slots } = this.#loop;
    if (this.#hintTimer && !slots.echoing()) this.#takeHint();
    // A read that failed is repeated in its own time: turns that come meanwhile must not hurry it.
    const readDue = facts.runtime === null || slots.needsRead(facts.runtime.seq);
    if (readDue && !this.#readTimer) this.lookAgain();
    if (decision.done) this.#ports.done(this.uid);
  }

  #snapshot(slots: Slots<Action>): PodFacts {
    return this.#facts.snapshot(
      slots,
      this.#ports.nodeFacts(),
      this.#ports.gatePositions(this.uid),
      this.#ports.recursiveReadOnly(this.#facts.pod),
    );
  }

  /** Most turns say what the last one said: that is not news for the publisher. */
  #publish(pod: Pod, { status }: Decision): void {
    const key = `${pod.metadata?.deletionTimestamp ?? ''} ${JSON.stringify(status)}`;
    if (key === this.#published || !status) return;
    this.#published = key;
    this.#ports.publish(pod, status);
  }

  #context(facts: PodFacts, signal: AbortSignal): ActionContext {
    // Actions of a Pod without a spec (found in the runtime only) get the little that is known of it.
    const pod = facts.pod ?? { metadata: { name: facts.name, namespace: facts.namespace, uid: facts.uid } };
    return {
      pod: pod as AllocatedPod,
      facts,
      signal,
      heardAt: this.#heardAt,
      event: (event) => this.#tell(facts, event),
      pull: (container, state) => this.learn({ kind: 'pull', container, state }),
      volumeWait: (volume, message) => this.learn({ kind: 'volumeWait', volume, message }),
      claimWait: (message) => this.learn({ kind: 'claimWait', message }),
      actuated: (resources) => this.learn({ kind: 'actuated', resources }),
      outdated: (containerIds) => {
        for (const id of containerIds) this.#ports.invalidate(id);
        this.lookAgain();
      },
    };
  }
}
