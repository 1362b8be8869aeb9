import type { EffectError, LoopAction, Slot, Slots, SlotTraits } from './slot.ts';

/** How an action ended. Times are monotonic ms. */
export interface ActionEnd {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Number of the read sent last when the action settled. */
  readonly seq: number;
  readonly error?: EffectError;
}

/** What the slots need to know of an owner's actions. */
export interface SlotRules<A extends LoopAction> {
  readonly traits: Readonly<Record<A['kind'], SlotTraits>>;
  /** Whether failures of one add to the other's back-off; both are of one kind. */
  sameWork(a: A, b: A): boolean;
}

/** The slots of one owner: what runs, how the last action of each ended, and when it may be used again. */
export class SlotBook<A extends LoopAction> {
  readonly #rules: SlotRules<A>;
  #slots: Slots<A> = {};

  constructor(rules: SlotRules<A>) {
    this.#rules = rules;
  }

  facts(): Slots<A> {
    return this.#slots;
  }

  /** An action starts. */
  begin(action: A, since: number): void {
    const before = this.#slots[action.slot];
    this.#set(action.slot, {
      failures: before?.failures ?? 0,
      ...(before?.last ? { last: before.last } : {}),
      running: { action, since, aborting: false },
    });
  }

  /** It settled, one way or the other. */
  end(action: A, end: ActionEnd): void {
    const before = this.#slots[action.slot];
    const previous = before?.last?.action;
    const same = previous?.kind === action.kind && this.#rules.sameWork(previous, action);
    const inRow = same ? (before?.failures ?? 0) : 0;
    // What we cut off ourselves did not fail: its successor waits for no back-off.
    const aborted = before?.running?.aborting === true || end.error?.reason === 'Aborted';
    const failures = !end.error ? 0 : aborted ? inRow : inRow + 1;
    const unknown = end.error?.settled === false && this.#traits(action).unknownOutcomeClosesSlot;
    this.#set(action.slot, {
      failures,
      last: {
        action,
        startedAt: end.startedAt,
        endedAt: end.endedAt,
        opensAt: unknown ? end.seq + 1 : 0,
        ...(end.error ? { error: end.error } : {}),
      },
    });
  }

  /** Returns false when nothing runs there or it was told already. */
  markAborting(name: string): boolean {
    const slot = this.#slots[name];
    if (!slot?.running || slot.running.aborting) return false;
    this.#set(name, { ...slot, running: { ...slot.running, aborting: true } });
    return true;
  }

  /** An action is under way whose own echo news may be. */
  echoing(): boolean {
    return Object.values(this.#slots).some((s) => s.running && this.#traits(s.running.action).echoes);
  }

  /** Some slot waits for a read that was sent after `seq`. */
  needsRead(seq: number): boolean {
    return Object.values(this.#slots).some((s) => !s.running && (s.last?.opensAt ?? 0) > seq);
  }

  /** Drops the slots of objects that are not among `ids` any more. */
  forget(ids: ReadonlySet<string>): void {
    for (const [name, slot] of Object.entries(this.#slots)) {
      if (slot.running || !slot.last || !this.#traits(slot.last.action).slotPerObject) continue;
      if (ids.has(name.slice(name.indexOf('/') + 1))) continue;
      const { [name]: _, ...rest } = this.#slots;
      this.#slots = rest;
    }
  }

  #traits(action: A): SlotTraits {
    return this.#rules.traits[action.kind as A['kind']];
  }

  #set(name: string, slot: Slot<A>): void {
    this.#slots = { ...this.#slots, [name]: slot };
  }
}
