import type { PodEvent } from '../../events/event.ts';
import type { Reason } from '../../timeline/reasons.ts';
import type { Action } from './actions.ts';
import type { Now, PodFacts } from './facts.ts';
import type { PodMemory } from './memory.ts';
import { isOpen, retryAt, slot } from './slots.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What the rules of one turn add up. It lives inside one call of `decide` and is never seen outside it. */
export interface Turn {
  readonly facts: PodFacts;
  readonly now: Now;
  readonly memory: Mutable<PodMemory>;
  readonly start: Action[];
  /** The slots of `start`. */
  readonly taken: Set<string>;
  readonly abort: Set<string>;
  readonly reasons: Reason[];
  readonly events: PodEvent[];
  /** Tables of the memory that this turn has made, and may write to. */
  readonly copies: WeakSet<object>;
  /** Waiting reason of a container in the words of its status. */
  readonly waiting: Record<string, { reason: string; message: string }>;
  wakeAt: number;
}

/** A turn that has concluded nothing yet. The memory is copied, so that the rules may write into it. */
export function openTurn(facts: PodFacts, memory: PodMemory, now: Now): Turn {
  return {
    facts,
    now,
    memory: { ...memory },
    start: [],
    taken: new Set(),
    abort: new Set(),
    reasons: [],
    events: [],
    copies: new WeakSet(),
    waiting: {},
    wakeAt: Number.POSITIVE_INFINITY,
  };
}

/** Look again at that monotonic time at the latest. */
export function wake(turn: Turn, mono: number): void {
  if (mono > turn.now.mono && mono < turn.wakeAt) turn.wakeAt = mono;
}

/** Monotonic time of a wall-clock deadline. */
export function monoOf(turn: Turn, wall: number): number {
  return turn.now.mono + (wall - turn.now.wall);
}

/** Something still waits, for this reason; `why` prints it. */
export function because(turn: Turn, reason: Reason): void {
  turn.reasons.push(reason);
}

/**
 * A table of the memory with one more entry, to be put in its place. It is copied at the turn's first write: what an earlier turn concluded
 * stays as it was, and a Pod of thousands of containers does not copy thousands of entries for each of them.
 */
export function noted<T>(
  turn: Turn,
  table: Readonly<Record<string, T>>,
  key: string,
  entry: T,
): Readonly<Record<string, T>> {
  const own: Record<string, T> = turn.copies.has(table) ? table : { ...table };
  own[key] = entry;
  turn.copies.add(own);
  return own;
}

/** Records an Event once per key; a new `stamp` under the same key is a new occurrence. */
export function emitOnce(turn: Turn, key: string, stamp: number, event: PodEvent): void {
  if (turn.memory.emitted[key] === stamp) return;
  turn.memory.emitted = noted(turn, turn.memory.emitted, key, stamp);
  turn.events.push(event);
}

/** When a failed action may be repeated: after the slot's usual back-off, at a given time (mono ms), or at once. */
export type Retry = 'backoff' | 'now' | number;

/**
 * Starts an action if its slot is open, nothing of this turn took it, and its retry time has come.
 * Returns false, with the wake-up noted, when it must wait.
 */
export function launch(turn: Turn, action: Action, retry: Retry = 'backoff'): boolean {
  const { facts, now } = turn;
  if (turn.taken.has(action.slot)) return false;
  if (!isOpen(facts, action.slot)) {
    const s = slot(facts, action.slot);
    if (!s.running && s.last?.error) {
      because(turn, {
        code: 'OutcomeUnknown',
        slot: action.slot,
        action: s.last.action.kind,
        message: s.last.error.message,
      });
    }
    return false;
  }
  const due = Math.max(dueAt(turn, action, retry), settledUntil(facts, action));
  if (due > now.mono) {
    wake(turn, due);
    return false;
  }
  turn.start.push(action);
  turn.taken.add(action.slot);
  return true;
}

/** The same action that has just succeeded and is wanted again had no effect that we can see: not a circle as fast as the far side answers. */
const repeatPauseMs = 1_000;

function settledUntil(facts: PodFacts, action: Action): number {
  const last = slot(facts, action.slot).last;
  if (!last || last.error || last.action.kind !== action.kind) return 0;
  return JSON.stringify(last.action) === JSON.stringify(action) ? last.endedAt + repeatPauseMs : 0;
}

/** Monotonic time from which the action may run again; 0 when its slot holds no failure of the same kind. */
export function dueAt(turn: Turn, action: Action, retry: Retry): number {
  const last = slot(turn.facts, action.slot).last;
  if (!last?.error || last.action.kind !== action.kind || retry === 'now') return 0;
  return retry === 'backoff' ? retryAt(turn.facts, action.slot) : retry;
}
