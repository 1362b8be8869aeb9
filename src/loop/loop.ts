import type { Clock, Instant } from '../lib/clock.ts';
import type { EffectError, LoopAction, Slots } from './slot.ts';
import { SlotBook, type SlotRules } from './slotBook.ts';

/** What a turn concludes, as far as the loop acts on it. */
export interface Conclusion<M, A extends LoopAction> {
  readonly memory: M;
  readonly start: readonly A[];
  /** Slots whose running action is no longer wanted. */
  readonly abort: readonly string[];
  /** Look again at this monotonic ms at the latest; null: an event will wake. */
  readonly wakeAt: number | null;
  /** Nothing is left to do, ever: the owner may go. */
  readonly done: boolean;
}

/** What one owner's loop is made of. F: facts, M: memory, A: actions, D: what it decides, O: what an effect finds out. */
export interface LoopPorts<F, M, A extends LoopAction, D extends Conclusion<M, A>, O> {
  readonly clock: Clock;
  readonly slots: SlotRules<A>;
  /** One frozen look at everything that `decide` may see. */
  snapshot(slots: Slots<A>): F;
  /** Pure: the same facts, memory and time always give the same decision. */
  decide(facts: F, memory: M, now: Instant): D;
  /** Carries out one action. Rejects when it failed; aborting the signal means that nobody wants it any more. */
  effect(action: A, facts: F, signal: AbortSignal): Promise<O>;
  /** Makes an error of what an effect threw. */
  toError(thrown: unknown): EffectError;
  /** Number of the read sent last: what is known now is visible to reads with a higher one. */
  lastSeq(): number;
  /** After each decision, before anything of it is done. `before`: the memory it was made with. */
  decided(facts: F, before: M, decision: D, now: Instant): void;
  /** An action settled; its outcome becomes facts here. `seq`: `lastSeq` when it did. */
  settled(
    action: A,
    result: { readonly startedAt: number; readonly seq: number; readonly outcome?: O; readonly thrown?: unknown },
  ): void;
  /** A turn is over, its actions are under way. */
  turned(facts: F, decision: D): void;
  /** One of these ports has thrown: a defect of ours. The owner stands still and looks again later; nobody else hears of it. */
  defect(error: unknown): void;
}

/** How long an owner is left alone after a defect, unless something of it changes; ms. */
const DEFECT_PAUSE_MS = 10_000;
/**
 * One owner has a fifth of the event loop at most: what its turns take beyond CREDIT_MS in a row is followed by a rest of RESTS times as
 * long. A single long turn (code that is not compiled yet, a machine that is busy) delays nothing.
 */
const CREDIT_MS = 50;
const RESTS = 4;
/** No rest is longer (ms): a turn during which the machine or this process stood still took hours by the clock. */
const MAX_REST_MS = 10_000;

/**
 * facts → decide → actions → facts: the loop of one owner. Whatever happens to what it owns arrives as a changed fact and a `wake`; nothing
 * polls. Turns never overlap: they are synchronous, and any number of wakes before one are one.
 */
export class Loop<F, M, A extends LoopAction, D extends Conclusion<M, A>, O> {
  readonly slots: SlotBook<A>;
  readonly #ports: LoopPorts<F, M, A, D, O>;
  readonly #running = new Map<string, AbortController>();
  readonly #life = new AbortController();
  #memory: M;
  #last: { readonly facts: F; readonly decision: D } | undefined;
  #queued = false;
  /** What its turns may still take without a rest, ms, as it was when the last one ended. */
  #credit = { ms: CREDIT_MS, at: 0 };
  #rest: Disposable | undefined;
  #timer: Disposable | undefined;

  constructor(ports: LoopPorts<F, M, A, D, O>, memory: M) {
    this.#ports = ports;
    this.slots = new SlotBook(ports.slots);
    this.#memory = memory;
  }

  get memory(): M {
    return this.#memory;
  }

  /** The last decision and the snapshot that it was made from. */
  get last(): { readonly facts: F; readonly decision: D } | undefined {
    return this.#last;
  }

  /** Aborted when the loop has been stopped. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /** A turn in this tick's microtask; of an owner whose last turn was long, after its rest. */
  wake(): void {
    if (this.#queued || this.#life.signal.aborted) return;
    this.#queued = true;
    const wait = -RESTS * this.#creditAt(this.#ports.clock.now().mono);
    if (wait <= 0) queueMicrotask(() => this.#take());
    else this.#rest = this.#ports.clock.setTimer(wait, () => this.#take());
  }

  /** No turn any more; running effects are told to stop. */
  stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#rest?.[Symbol.dispose]();
    this.#life.abort();
    for (const controller of this.#running.values()) controller.abort();
  }

  #take(): void {
    this.#queued = false;
    if (this.#life.signal.aborted) return;
    const began = this.#ports.clock.now().mono;
    try {
      this.#turn();
    } catch (error) {
      // Thrown further, it would end the agent and so every Pod's care, and at each start again.
      this.#ports.defect(error);
      this.#arm(began + DEFECT_PAUSE_MS, began);
    }
    const ended = this.#ports.clock.now().mono;
    this.#credit = { ms: Math.max(-MAX_REST_MS / RESTS, this.#creditAt(began) - (ended - began)), at: ended };
  }

  #creditAt(mono: number): number {
    return Math.min(CREDIT_MS, this.#credit.ms + (mono - this.#credit.at) / RESTS);
  }

  #turn(): void {
    const now = this.#ports.clock.now();
    const facts = this.#ports.snapshot(this.slots.facts());
    const before = this.#memory;
    const decision = this.#ports.decide(facts, before, now);
    this.#ports.decided(facts, before, decision, now);
    this.#memory = decision.memory;
    this.#last = { facts, decision };
    for (const slot of decision.abort) if (this.slots.markAborting(slot)) this.#running.get(slot)?.abort();
    for (const action of decision.start) {
      if (this.#life.signal.aborted) break; // by what one of them did at once
      this.#start(action, facts);
    }
    this.#arm(decision.wakeAt, now.mono);
    this.#ports.turned(facts, decision);
  }

  #arm(wakeAt: number | null, mono: number): void {
    this.#timer?.[Symbol.dispose]();
    const isOver = wakeAt === null || this.#life.signal.aborted;
    this.#timer = isOver ? undefined : this.#ports.clock.setTimer(wakeAt - mono, () => this.wake());
  }

  #start(action: A, facts: F): void {
    const startedAt = this.#ports.clock.now().mono;
    const controller = new AbortController();
    this.#running.set(action.slot, controller);
    this.slots.begin(action, startedAt);
    this.#effect(action, facts, controller.signal).then(
      (outcome) => this.#settle(action, startedAt, { outcome }),
      (thrown: unknown) => this.#settle(action, startedAt, { thrown }),
    );
  }

  /** What an effect throws before its first wait is its failure like any other. */
  #effect(action: A, facts: F, signal: AbortSignal): Promise<O> {
    try {
      return this.#ports.effect(action, facts, signal);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #settle(action: A, startedAt: number, result: { readonly outcome?: O; readonly thrown?: unknown }): void {
    this.#running.delete(action.slot);
    const seq = this.#ports.lastSeq();
    const error = 'thrown' in result ? this.#ports.toError(result.thrown) : undefined;
    const endedAt = this.#ports.clock.now().mono;
    this.slots.end(action, { startedAt, endedAt, seq, ...(error ? { error } : {}) });
    try {
      this.#ports.settled(action, { startedAt, seq, ...result });
    } catch (thrown) {
      this.#ports.defect(thrown);
    }
    this.wake();
  }
}
