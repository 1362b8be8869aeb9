// Which waiting calls may go to the runtime now. Pure.

/** A call in the gate's queue. */
export interface WaitingCall {
  /** 0: static or critical Pods; 1: all others. */
  priority: 0 | 1;
  /** When the Pod's start began, monotonic milliseconds. */
  podStarted: number;
  /** Order of arrival; unique. */
  arrived: number;
}

/** Calls older than this hold no place: a stuck runtime call must not block the node. */
export const SLOW_CALL_MS = 2000;

/** Who goes first: static and critical Pods, then the Pod whose start began first, then the call that came first. */
export function byTurn(a: WaitingCall, b: WaitingCall): number {
  return a.priority - b.priority || a.podStarted - b.podStarted || a.arrived - b.arrived;
}

export interface GateDecision<W> {
  /** The calls to send now, in this order. */
  start: W[];
  /** When to decide again although nothing happened (monotonic), if calls wait. */
  wakeAt: number | undefined;
}

/**
 * Decides with `startedAt`, the send times of the calls under way. At most `limit` of those younger than SLOW_CALL_MS run at
 * a time; the rest of `waiting` stays.
 */
export function decideGate<W extends WaitingCall>(
  waiting: readonly W[],
  startedAt: readonly number[],
  limit: number,
  now: number,
): GateDecision<W> {
  const young = startedAt.filter((at) => now - at < SLOW_CALL_MS).sort((a, b) => a - b);
  const free = Math.max(0, limit - young.length);
  const start = free > 0 ? [...waiting].sort(byTurn).slice(0, free) : [];
  if (start.length === waiting.length) return { start, wakeAt: undefined };
  return { start, wakeAt: (young[0] ?? now) + SLOW_CALL_MS };
}

/** How many calls go before the one with this order of arrival; undefined if it does not wait. */
export function positionOf(waiting: readonly WaitingCall[], arrived: number): number | undefined {
  const own = waiting.find((w) => w.arrived === arrived);
  return own && waiting.filter((w) => byTurn(w, own) < 0).length;
}
