import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import type { PodFacts, Slot } from './facts.ts';

const empty: Slot = { failures: 0 };

/** The slot of that name; a slot never used is empty. */
export function slot(facts: PodFacts, name: string): Slot {
  return facts.slots[name] ?? empty;
}

/** Something runs in the slot. */
export function busy(facts: PodFacts, name: string): boolean {
  return slot(facts, name).running !== undefined;
}

/**
 * May an action start in this slot? Not while one runs, and not before a read that was sent after an unsettled one
 * (design rule 4).
 */
export function isOpen(facts: PodFacts, name: string): boolean {
  const s = slot(facts, name);
  if (s.running) return false;
  return !s.last || s.last.opensAt === 0 || (facts.runtime?.seq ?? -1) >= s.last.opensAt;
}

/** Retry curve of effects: 250 ms doubling to 10 s (kubelet's backOffPeriod), ±25 % by the Pod's seed. */
const retryCurve: BackoffPolicy = { initialMs: 250, maxMs: 10_000 };

/** When the slot's last failed action may be repeated (mono ms); 0 when it did not fail. */
export function retryAt(facts: PodFacts, name: string): number {
  const s = slot(facts, name);
  if (!s.last?.error || s.failures === 0) return 0;
  const base = backoffDelay(retryCurve, s.failures - 1, 0);
  return s.last.endedAt + base * (0.75 + 0.5 * jitter(facts.seed, s.failures));
}

/** A number in [0, 1) that is fixed for a seed and a step: replay must find the same. */
export function jitter(seed: number, step: number): number {
  const x = Math.sin(seed * 12.9898 + step * 78.233) * 43758.5453;
  return x - Math.floor(x);
}
