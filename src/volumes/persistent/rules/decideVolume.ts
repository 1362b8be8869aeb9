import { type BackoffPolicy, backoffDelay } from '../../../lib/backoff.ts';
import type { Instant } from '../../../lib/clock.ts';
import { shareSlot, type VolumeAction, type VolumeDecision, type VolumeFacts } from './volumeFacts.ts';

/** Retry of a failed step: 500 ms doubling to 122 s (kubelet's exponential back-off of volume operations). */
const curve: BackoffPolicy = { initialMs: 500, maxMs: 122_000 };

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
