import type { PodEntry } from '../../pods/entry.ts';
import { withAllocation } from '../../pods/rules/allocation.ts';
import type { Pod } from '../../types/k8s.ts';

/** A Pod that a source wants here: of others there is nothing but containers. */
export function isTold(entry: PodEntry): entry is PodEntry & { readonly pod: NonNullable<PodEntry['pod']> } {
  return entry.pod !== null && !entry.gone;
}

/** The Pod as its source has it, with the newest status that is known here: the API server may not have it yet. */
export function toldPod({ pod, wanted, status }: PodEntry): Pod {
  if (!pod) return {};
  const asked = wanted ? withAllocation(pod, wanted) : pod;
  return status ? { ...asked, status } : asked;
}
