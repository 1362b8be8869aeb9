import { isSidecar } from '../../../k8s/containerTotals.ts';
import type { StoredPod } from '../../../types/k8s.ts';
import { type MemoryState, returnMemory } from './memoryState.ts';

/** A container is about to start, so the init containers before it have ended and give back what nobody used again. */
export function startMainContainer(state: MemoryState, pod: StoredPod, container: string): MemoryState {
  let next = state;
  for (const init of pod.spec.initContainers ?? []) {
    if (init.name === container) break;
    if (!isSidecar(init)) next = returnMemory(next, pod.metadata.uid, init.name);
  }
  return next;
}
