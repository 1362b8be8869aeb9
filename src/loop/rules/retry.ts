import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import type { LoopAction, Slot } from '../slot.ts';

/** Retry curve of effects: 250 ms doubling to 10 s (kubelet's backOffPeriod), ±25 % by the owner's seed. */
const retryCurve: BackoffPolicy = { initialMs: 250, maxMs: 10_000 };

/** May an action start in this slot? Not while one runs, and not before a read that was sent after an unsettled one. `seq`: the newest read. */
export function isSlotOpen<A extends LoopAction>(slot: Slot<A> | undefined, seq: number): boolean {
  if (!slot) return true;
  if (slot.running) return false;
  return !slot.last || slot.last.opensAt === 0 || seq >= slot.last.opensAt;
}

/** When the slot's last failed action may be repeated (monotonic ms); 0 when it did not fail. `seed`: 0 ≤ seed < 1. */
export function slotRetryAt<A extends LoopAction>(slot: Slot<A> | undefined, seed: number): number {
  if (!slot?.last?.error || slot.failures === 0) return 0;
  const base = backoffDelay(retryCurve, slot.failures - 1, 0);
  return slot.last.endedAt + spread(base, seed, slot.failures);
}

/** ±25 %, fixed for a seed and a step: replay must find the same. */
export function spread(ms: number, seed: number, step: number): number {
  return ms * (0.75 + 0.5 * jitter(seed, step));
}

/** A number in [0, 1) that is fixed for a seed and a step. */
function jitter(seed: number, step: number): number {
  const x = Math.sin(seed * 12.9898 + step * 78.233) * 43758.5453;
  return x - Math.floor(x);
}
