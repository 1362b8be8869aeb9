import type { ObservedPod } from '../cri/observed.ts';
import type { PodEvent } from '../events/event.ts';
import { Loop } from '../loop/loop.ts';
import type { Slots } from '../loop/slot.ts';
import type { PodEntry } from '../pods/entry.ts';
import type { PodOrigin, TerminateRequest } from '../pods/facts.ts';
import type { PodOwner } from '../pods/table.ts';
import type { FactUpdate } from '../pods/updates.ts';
import type { AllocatedPod, Pod } from '../types/k8s.ts';
import { actionContext } from './actionContext.ts';
import { toEffectError } from './effectError.ts';
import { entryOf } from './entry.ts';
import { withoutIds } from './eventText.ts';
import type { FactSheet } from './factSheet.ts';
import type { ActionContext, Outcome } from './outcome.ts';
import { objectIds, podSlotRules } from './podSlots.ts';
import { actionKinds } from './rules/actionKinds.ts';
import type { Action } from './rules/actions.ts';
import { type Decision, decide } from './rules/decide.ts';
import type { Now, PodFacts } from './rules/facts.ts';
import { freshMemory, type PodMemory } from './rules/memory.ts';
import { RuntimeReads } from './runtimeReads.ts';
import { StatusNews } from './statusNews.ts';
import type { WorkerPorts } from './workerPorts.ts';

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
  readonly #statuses = new StatusNews();
  readonly #reads: RuntimeReads;

  constructor(ports: WorkerPorts, sheet: FactSheet, memory: PodMemory = freshMemory()) {
    this.#ports = ports;
    this.#facts = sheet;
    this.#heardAt = ports.clock.now().mono;
    this.#loop = new Loop(
      {
        ...{ clock: ports.clock, slots: podSlotRules, decide, toError: toEffectError },
        snapshot: (slots) => this.#snapshot(slots),
        effect: (action, facts, signal) => ports.effect(action, this.#context(facts, signal)),
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
    this.#reads = new RuntimeReads(sheet, ports, {
      life: this.#loop.life,
      echoing: () => this.#loop.slots.echoing(),
      wake: () => this.wake(),
    });
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

  /** News from outside, other than versions of the Pod and wishes for its end. */
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

  /** The runtime says that something happened to the Pod: it is read, after calls of ours that are under way, but soon. */
  hint(): void {
    this.#reads.hint();
  }

  /** The API object that the status goes to is another one now: it is handed out again. */
  republish(): void {
    this.#statuses.forget();
    this.wake();
  }

  /** Something of the Pod may have changed in the runtime: read it again. One read is under way at most, one more is kept. */
  lookAgain(): void {
    this.#reads.lookAgain();
  }

  /** Takes a read that somebody else made (the full list). */
  observed(pod: ObservedPod): void {
    if (this.#facts.observation.read(pod)) this.wake();
  }

  /** Ends the worker; running effects are told to stop, the Pod itself is left as it is. */
  stop(): void {
    this.#reads[Symbol.dispose]();
    this.#loop.stop();
  }

  #decided(facts: PodFacts, before: PodMemory, decision: Decision, now: Now): void {
    this.#ports.decided(facts, before, decision, now);
    this.#entry = undefined;
    for (const event of decision.events) this.#tell(facts, event);
    const { status } = decision;
    if (status && facts.pod && this.#statuses.isNew(facts.pod, status)) this.#ports.publish(facts.pod, status);
  }

  #tell(facts: PodFacts, event: PodEvent): void {
    this.#ports.event(facts.pod, facts, withoutIds(event, this.runtime));
  }

  #turned(facts: PodFacts, decision: Decision): void {
    const { slots } = this.#loop;
    const readDue = facts.runtime === null || slots.needsRead(facts.runtime.seq);
    this.#reads.turned(readDue);
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

  #context(facts: PodFacts, signal: AbortSignal): ActionContext {
    return actionContext(facts, signal, {
      heardAt: this.#heardAt,
      event: (event) => this.#tell(facts, event),
      learn: (update) => this.learn(update),
      outdated: (containerIds) => {
        for (const id of containerIds) this.#ports.invalidate(id);
        this.lookAgain();
      },
    });
  }
}
