/** One effect that a decision may start. It occupies its slot from its start until its outcome is known. */
export interface LoopAction {
  readonly kind: string;
  /** At most one action runs in a slot. */
  readonly slot: string;
}

/** How an effect ended badly. `settled: false`: the far side may still be doing it (DeadlineExceeded, Unavailable). */
export interface EffectError {
  /** The word the API shows (ErrImagePull, CreateContainerConfigError …) or the gRPC code's name. */
  readonly reason: string;
  readonly message: string;
  readonly settled: boolean;
}

/**
 * What is known of one slot. It is open when nothing runs in it and, after an outcome that settles nothing, when the truth was read
 * again. All times are monotonic ms.
 */
export interface Slot<A extends LoopAction> {
  readonly running?: { readonly action: A; readonly since: number; readonly aborting: boolean };
  readonly last?: {
    readonly action: A;
    readonly startedAt: number;
    readonly endedAt: number;
    readonly error?: EffectError;
    /** The number of the first read that may reopen this slot; 0: open at once. */
    readonly opensAt: number;
  };
  /** Failures in a row of the same work; the base of its back-off. */
  readonly failures: number;
}

/** The slots of one owner, by name. Values are replaced, never modified, so that snapshots can share them. */
export type Slots<A extends LoopAction> = Readonly<Record<string, Slot<A>>>;

/** What the slots must know of one kind of action. */
export interface SlotTraits {
  /** It makes or removes something out there: after an outcome that settles nothing, only a later read tells what became of it. */
  readonly unknownOutcomeClosesSlot: boolean;
  /** While it runs, news about its subject are most likely its own echo. */
  readonly echoes: boolean;
  /** Its slot is named `PREFIX/ID` after an object out there, and goes with that object. */
  readonly slotPerObject: boolean;
}
