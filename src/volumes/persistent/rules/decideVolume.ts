import { type BackoffPolicy, backoffDelay } from '../../../lib/backoff.ts';
import type { Instant } from '../../../lib/clock.ts';
import type { Slots } from '../../../loop/slot.ts';

/** What the worker of one volume may do. A device step concerns all users, the others one Pod. */
export type VolumeAction =
  | {
      readonly kind: 'stage';
      readonly slot: 'device';
      readonly uid: string;
      readonly ask: number;
      /** The SELinux label of the Pod that it is staged for. */
      readonly label: string;
    }
  | { readonly kind: 'unstage'; readonly slot: 'device' }
  | {
      readonly kind: 'publish';
      readonly slot: string;
      readonly uid: string;
      readonly round: number;
      readonly ask: number;
    }
  | { readonly kind: 'unpublish'; readonly slot: string; readonly uid: string }
  | {
      readonly kind: 'expand';
      readonly slot: string;
      readonly uid: string;
      readonly size: string;
      readonly ask: number;
    };

/** What one Pod wants of the volume. */
export interface Want {
  /** Counts what anybody asked of the volume: a step that failed is tried again only for somebody who asked after it began. */
  readonly ask: number;
  /** Counts up when what it wants published has changed, or wants to be looked at again. */
  readonly round: number;
  /** The SELinux label that it is to be mounted with; '': none. */
  readonly label: string;
  /** The size that the volume has and its claim was not told of; absent: nothing to expand. */
  readonly size?: string;
}

/** What one Pod has of it. `unsure`: perhaps, as after a restart or a step that failed in the middle. */
export interface Share {
  readonly state: 'yes' | 'unsure';
  readonly round: number;
  readonly expandedTo?: string;
}

/** Everything that is known of one volume that outlasts Pods. */
export interface VolumeFacts {
  readonly attachable: boolean;
  /** The API server has accepted a Node status that names it in volumesInUse. */
  readonly reportedInUse: boolean;
  /** It is in the Node's volumesAttached. */
  readonly attached: boolean;
  /** The kind has a device step. */
  readonly stages: boolean;
  readonly staged: 'yes' | 'no' | 'unsure';
  /** The SELinux label that it is staged with, if it is. */
  readonly stagedLabel: string;
  /** By Pod UID. */
  readonly wants: Readonly<Record<string, Want>>;
  readonly shares: Readonly<Record<string, Share>>;
  /** Pods that are to have it no more. */
  readonly leaving: readonly string[];
  /** Every source has reported, so who is not here will not come. */
  readonly settled: boolean;
  readonly slots: Slots<VolumeAction>;
}

export interface VolumeDecision {
  readonly memory: null;
  readonly start: readonly VolumeAction[];
  readonly abort: readonly string[];
  readonly wakeAt: number | null;
  /** Nothing is left of it on the node. */
  readonly done: boolean;
  /** By Pod UID: what it still waits for, as a sentence part. */
  readonly waits: Readonly<Record<string, string>>;
}

/** Retry of a failed step: 500 ms doubling to 122 s (kubelet's exponential back-off of volume operations). */
const curve: BackoffPolicy = { initialMs: 500, maxMs: 122_000 };

export const shareSlot = (uid: string): string => `pod/${uid}`;

interface Turn {
  readonly facts: VolumeFacts;
  readonly now: Instant;
  readonly start: VolumeAction[];
  readonly abort: string[];
  readonly waits: Record<string, string>;
  wakeAt: number | null;
}

/**
 * In Go's order: in use accepted by the API server → attached → staged → published for each Pod, and back again. Steps of different
 * Pods run side by side; a device step runs alone.
 */
export function decideVolume(facts: VolumeFacts, _memory: null, now: Instant): VolumeDecision {
  const turn: Turn = { facts, now, start: [], abort: [], waits: {}, wakeAt: null };
  takeBack(turn);
  const wanted = Object.keys(facts.wants).length > 0;
  if (wanted) bringUp(turn);
  else takeDown(turn);
  const { start, abort, waits, wakeAt } = turn;
  const idle = Object.values(facts.slots).every((slot) => !slot.running);
  const done = !wanted && isUnshared(facts) && facts.staged === 'no' && idle;
  return { memory: null, start, abort, wakeAt, done, waits };
}

function isUnshared({ shares, leaving }: VolumeFacts): boolean {
  return Object.keys(shares).length === 0 && leaving.length === 0;
}

/** From Pods that leave: what is under way for them is told to stop, then undone. */
function takeBack(turn: Turn): void {
  const { facts } = turn;
  for (const uid of facts.leaving) {
    const slot = shareSlot(uid);
    const running = facts.slots[slot]?.running?.action.kind;
    if (running === 'publish' || running === 'expand') turn.abort.push(slot);
    else if (facts.shares[uid]) launch(turn, { kind: 'unpublish', slot, uid });
  }
}

function bringUp(turn: Turn): void {
  const { facts } = turn;
  const uids = Object.keys(facts.wants);
  const missing = notReady(facts);
  if (missing !== undefined) {
    for (const uid of uids) if (facts.shares[uid]?.state !== 'yes') turn.waits[uid] = missing;
    return;
  }
  const device = facts.slots.device;
  if (facts.stages && facts.staged === 'yes' && !device?.running && isRelabelled(turn, uids)) return;
  // Also while it is being unstaged: what is published from it then is an empty directory, or goes a moment later.
  if (facts.stages && (facts.staged !== 'yes' || device?.running)) {
    const goes = device?.running?.action.kind === 'unstage';
    const wait = goes
      ? 'it is still being unmounted from the node, after its last Pod'
      : 'it is being mounted for the node';
    for (const uid of uids) turn.waits[uid] = wait;
    const uid = uids.find((one) => askedSince(facts, 'device', one));
    const ask = Math.max(...uids.map((one) => facts.wants[one]!.ask));
    if (uid !== undefined && !device?.running)
      launch(turn, { kind: 'stage', slot: 'device', uid, ask, label: facts.wants[uid]!.label });
    return;
  }
  for (const uid of uids) if (turn.waits[uid] === undefined) share(turn, uid);
}

/**
 * A label is the whole mount's: who needs another one than those that have the volume waits for them, and when nobody has it any more it
 * is mounted anew. True while that is under way.
 */
function isRelabelled(turn: Turn, uids: readonly string[]): boolean {
  const { facts } = turn;
  const others = uids.filter((uid) => facts.wants[uid]!.label !== facts.stagedLabel);
  if (others.length === 0) return false;
  const isFree = others.length === uids.length && isUnshared(facts);
  for (const uid of others)
    turn.waits[uid] = isFree
      ? 'it is being unmounted from the node, to be mounted with the SELinux label of this Pod'
      : `it is mounted with the SELinux label ${JSON.stringify(facts.stagedLabel)} of other Pods, and this one needs ${JSON.stringify(facts.wants[uid]!.label)}`;
  if (!isFree) return false;
  const isIdle = Object.values(facts.slots).every((slot) => !slot.running);
  if (isIdle) launch(turn, { kind: 'unstage', slot: 'device' });
  return true;
}

function notReady({ attachable, reportedInUse, attached }: VolumeFacts): string | undefined {
  if (!attachable) return undefined;
  if (!reportedInUse) return "the API server has not yet taken the Node's status that says the volume is in use";
  return attached ? undefined : 'the volume is not attached according to node status';
}

function share(turn: Turn, uid: string): void {
  const { facts } = turn;
  const want = facts.wants[uid]!;
  const has = facts.shares[uid];
  const slot = shareSlot(uid);
  const current = has?.state === 'yes' && has.round === want.round;
  const expanded = want.size === undefined || has?.expandedTo === want.size;
  if (current && expanded) return;
  if (!askedSince(facts, slot, uid)) return;
  const { round, ask } = want;
  if (current) launch(turn, { kind: 'expand', slot, uid, size: want.size!, ask });
  else launch(turn, { kind: 'publish', slot, uid, round, ask });
}

function takeDown(turn: Turn): void {
  const { facts } = turn;
  if (facts.slots.device?.running?.action.kind === 'stage') turn.abort.push('device');
  if (!isUnshared(facts) || facts.staged === 'no' || !facts.settled) return;
  if (Object.entries(facts.slots).some(([name, slot]) => name !== 'device' && slot.running)) return;
  launch(turn, { kind: 'unstage', slot: 'device' });
}

/** Nothing failed there, or this Pod asked (again) since: its own back-off decides when. */
function askedSince(facts: VolumeFacts, slot: string, uid: string): boolean {
  const last = facts.slots[slot]?.last;
  return !last?.error || !('ask' in last.action) || facts.wants[uid]!.ask > last.action.ask;
}

function launch(turn: Turn, action: VolumeAction): void {
  const slot = turn.facts.slots[action.slot];
  if (slot?.running || turn.start.some((one) => one.slot === action.slot)) return;
  // Pods that ask have their own back-off; what nobody waits for has this one.
  const undo = action.kind === 'unpublish' || action.kind === 'unstage';
  const failed = slot?.last?.error && slot.failures > 0 && slot.last.action.kind === action.kind;
  const due = undo && failed ? slot.last.endedAt + backoffDelay(curve, slot.failures - 1, 0) : 0;
  if (due > turn.now.mono) turn.wakeAt = Math.min(turn.wakeAt ?? due, due);
  else turn.start.push(action);
}
