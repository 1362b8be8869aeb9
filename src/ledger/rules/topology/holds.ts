import { isSidecar } from '../../../k8s/containerTotals.ts';
import type { StoredPod } from '../../../types/k8s.ts';
import { type CpuState, exclusiveCpus } from '../cpus/cpuState.ts';
import { mayHaveOwn, ownCpus } from '../cpus/requests.ts';
import { blocksOf, type MemoryState } from '../memory/memoryState.ts';
import { containersOf } from './admit.ts';

/** The states of managers that give something; null: that one gives nothing. */
export interface Given {
  readonly cpus: CpuState | null;
  readonly memory: MemoryState | null;
}

/**
 * Whether the Pod has all that it would be given, from before this process. The memory of init containers need not be there: it is given
 * back when a main container starts.
 */
export function holdsAll(pod: StoredPod, { cpus, memory }: Given): boolean {
  if ((!cpus && !memory) || !mayHaveOwn(pod)) return false;
  const { uid } = pod.metadata;
  const ends = new Set(pod.spec.initContainers?.flatMap((one) => (isSidecar(one) ? [] : [one.name])));
  return containersOf(pod).every((container) => {
    const count = ownCpus(container);
    const hasCpus = !cpus || count === 0 || exclusiveCpus(cpus, uid, container.name)?.length === count;
    return hasCpus && (!memory || ends.has(container.name) || blocksOf(memory, uid, container.name) !== undefined);
  });
}
