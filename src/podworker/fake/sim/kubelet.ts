import type { EffectError } from '../../../loop/slot.ts';
import type { ProbeState } from '../../../pods/facts.ts';
import type { FactUpdate } from '../../../pods/updates.ts';
import { FactSheet } from '../../factSheet.ts';
import type { Outcome } from '../../outcome.ts';
import { objectIds, podSlots } from '../../podSlots.ts';
import type { Action } from '../../rules/actions.ts';
import { restore } from '../../rules/checkpointed.ts';
import { type Decision, decide } from '../../rules/decide.ts';
import type { NodeFacts, Now, PodFacts } from '../../rules/facts.ts';
import { freshMemory, type PodMemory } from '../../rules/memory.ts';
import type { Durable } from './world.ts';

/** One action under way. `aborted`: the kubelet cancelled it. */
export interface SimCall {
  readonly action: Action;
  readonly facts: PodFacts;
  readonly startedAt: number;
  applied?: { readonly outcome?: Outcome; readonly refusal?: string };
  aborted: boolean;
}

const simNode: NodeFacts = {
  api: true,
  runtimeName: 'sim',
  networkReady: true,
  networkMessage: '',
  hostIPs: ['192.168.0.1'],
  primaryFamily: 4,
  crashLoopMaxMs: 300_000,
};

/** One life of the kubelet, as far as one Pod goes: what PodWorker does, but step by step and without promises. */
export class SimKubelet {
  readonly sheet = new FactSheet({ uid: 'u', namespace: 'ns', name: 'p', seed: 0.5 });
  /** What it was told last, for the simulation to build on. */
  probes: Readonly<Record<string, ProbeState>> = {};
  sourcesReady = false;
  readonly slots = podSlots();
  readonly calls = new Map<string, SimCall>();
  memory: PodMemory;
  last:
    | { readonly facts: PodFacts; readonly memory: PodMemory; readonly decision: Decision; readonly now: Now }
    | undefined;
  woken = true;
  /** The read under way. */
  read: { readonly seq: number; answer?: ReturnType<FactSheet['snapshot']>['runtime'] } | undefined;
  readAgain = false;
  wantsRead = true;
  done = false;

  constructor(durable: Durable) {
    this.memory = restore(freshMemory(), durable.checkpoint);
  }

  /** News from outside, as PodWorker takes it. */
  learn(update: FactUpdate): void {
    this.sheet.learn(update);
    if (update.kind === 'probes') this.probes = update.states;
    if (update.kind === 'sourcesReady') this.sourcesReady = true;
    this.woken = true;
  }

  lookAgain(): void {
    if (this.read) this.readAgain = true;
    else this.wantsRead = true;
  }

  /** Ends the read under way; without an answer it failed. */
  endRead(): void {
    const { answer } = this.read ?? {};
    this.read = undefined;
    if (answer) this.sheet.observation.read(answer);
    if (!answer || this.readAgain) this.wantsRead = true;
    this.readAgain = false;
    this.woken = true;
  }

  turn(now: Now): Decision {
    this.woken = false;
    const facts = this.sheet.snapshot(this.slots.facts(), simNode, {}, true);
    const memory = this.memory;
    const decision = decide(facts, memory, now);
    this.last = { facts, memory, decision, now };
    this.memory = decision.memory;
    for (const name of decision.abort) {
      if (!this.slots.markAborting(name)) continue;
      const call = this.calls.get(name);
      if (call) call.aborted = true;
    }
    for (const action of decision.start) {
      this.slots.begin(action, now.mono);
      this.calls.set(action.slot, { action, facts, startedAt: now.mono, aborted: false });
    }
    if (facts.runtime === null || this.slots.needsRead(facts.runtime.seq)) this.lookAgain();
    this.done = decision.done;
    return decision;
  }

  settle(call: SimCall, seq: number, mono: number, outcome: Outcome, error?: EffectError): void {
    this.calls.delete(call.action.slot);
    this.slots.end(call.action, { startedAt: call.startedAt, endedAt: mono, seq, ...(error ? { error } : {}) });
    this.sheet.take(outcome, seq);
    const { pod } = this.sheet.observation;
    if (pod) this.slots.forget(objectIds(pod));
    this.woken = true;
  }
}
