import { isSlotOpen, slotRetryAt } from '../../loop/rules/retry.ts';
import type { PodFacts, PodSlot } from './facts.ts';

const empty: PodSlot = { failures: 0 };

/** The slot of that name; a slot never used is empty. */
export function slot(facts: PodFacts, name: string): PodSlot {
  return facts.slots[name] ?? empty;
}

/** Something runs in the slot. */
export function busy(facts: PodFacts, name: string): boolean {
  return slot(facts, name).running !== undefined;
}

/** May an action start in this slot? */
export function isOpen(facts: PodFacts, name: string): boolean {
  return isSlotOpen(facts.slots[name], facts.runtime?.seq ?? -1);
}

/** When the slot's last failed action may be repeated (mono ms); 0 when it did not fail. */
export function retryAt(facts: PodFacts, name: string): number {
  return slotRetryAt(facts.slots[name], facts.seed);
}
