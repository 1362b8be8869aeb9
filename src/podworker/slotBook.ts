import type { ObservedPod } from '../cri/observed.ts';
import type { Action, ActionKind } from './rules/actions.ts';
import type { EffectError, Slot } from './rules/facts.ts';

/** Calls to the runtime that make something: after an unknown outcome only a later read tells what became of them. */
const makes: ReadonlySet<ActionKind> = new Set([
  'createSandbox',
  'createContainer',
  'startContainer',
  'removeContainer',
  'removeSandbox',
]);

const starts: ReadonlySet<ActionKind> = new Set([
  'createSandbox',
  'createContainer',
  'startContainer',
  'stopContainer',
  'stopSandbox',
]);

/** Slots that belong to one container or sandbox and go with it. */
const perObject = ['sandbox/', 'gc/', 'prestop/', 'stop/'];

interface End {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Number of the read sent last when the action settled. */
  readonly seq: number;
  readonly error?: EffectError;
}

/** Failures of the same work add up; another image is pulled with no regard to the failures of the one before. */
function sameWork(a: Action | undefined, b: Action): boolean {
  if (a?.kind !== b.kind) return false;
  return a.kind !== 'ensureImage' || b.kind !== 'ensureImage' || a.image === b.image;
}

/** The slots of one Pod: what runs, how the last action of each ended, and when it may be used again (design rule 4). */
export class SlotBook {
  #slots: Readonly<Record<string, Slot>> = {};

  facts(): Readonly<Record<string, Slot>> {
    return this.#slots;
  }

  begin(action: Action, since: number): void {
    const before = this.#slots[action.slot];
    this.#set(action.slot, {
      failures: before?.failures ?? 0,
      ...(before?.last ? { last: before.last } : {}),
      running: { action, since, aborting: false },
    });
  }

  end(action: Action, end: End): void {
    const before = this.#slots[action.slot];
    const inRow = sameWork(before?.last?.action, action) ? (before?.failures ?? 0) : 0;
    // What we cut off ourselves did not fail: its successor waits for no back-off.
    const aborted = before?.running?.aborting === true || end.error?.reason === 'Aborted';
    const failures = !end.error ? 0 : aborted ? inRow : inRow + 1;
    const unknown = end.error !== undefined && !end.error.settled && makes.has(action.kind);
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

  /** A call that makes or starts something is under way. */
  making(): boolean {
    return Object.values(this.#slots).some((s) => s.running && starts.has(s.running.action.kind));
  }

  /** Some slot waits for a read that was sent after `seq`. */
  needsRead(seq: number): boolean {
    return Object.values(this.#slots).some((s) => !s.running && (s.last?.opensAt ?? 0) > seq);
  }

  /** Drops slots of containers and sandboxes that are gone. */
  forget(pod: ObservedPod | null): void {
    if (!pod) return;
    const ids = new Set([...pod.containers, ...pod.sandboxes].map((x) => x.id));
    for (const [name, slot] of Object.entries(this.#slots)) {
      const prefix = perObject.find((p) => name.startsWith(p));
      if (!prefix || slot.running || ids.has(name.slice(prefix.length))) continue;
      const { [name]: _, ...rest } = this.#slots;
      this.#slots = rest;
    }
  }

  #set(name: string, slot: Slot): void {
    this.#slots = { ...this.#slots, [name]: slot };
  }
}
