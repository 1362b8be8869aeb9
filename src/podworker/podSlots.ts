import type { ObservedPod } from '../cri/observed.ts';
import { SlotBook } from '../loop/slotBook.ts';
import { actionKinds, sameWork } from './rules/actionKinds.ts';
import type { Action } from './rules/actions.ts';

/** What the slots of a Pod's worker go by. */
export const podSlotRules = { traits: actionKinds, sameWork };

/** The slots of one Pod, for whoever has no worker: the simulation and `plan`. */
export function podSlots(): SlotBook<Action> {
  return new SlotBook(podSlotRules);
}

/** Ids of everything of the Pod that the runtime holds: slots of other objects go. */
export function objectIds(pod: ObservedPod): ReadonlySet<string> {
  return new Set([...pod.containers, ...pod.sandboxes].map((x) => x.id));
}
