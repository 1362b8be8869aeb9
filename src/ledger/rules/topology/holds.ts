import { isSidecar } from '../../../k8s/containerTotals.ts';
import type { StoredPod } from '../../../types/k8s.ts';
import { type CpuState, exclusiveCpus } from '../cpus/cpuState.ts';
import { blocksOf, type MemoryState } from '../memory/memoryState.ts';
import type { Wants } from '../wants.ts';
import { containersOf } from './containers.ts';

/** The states of managers that give something; null: that one gives nothing. */
export interface Given {
  readonly cpus: CpuState | null;
  readonly memory: MemoryState | null;
  /** Pods with resources as a whole are given them at once. */
  readonly toPods: boolean;
}

/**
 * Whether the Pod has all that it would be given, from before this process. The memory of init containers need not be there: it is given
 * back when a main container starts.
 */
export function holdsAll(pod: StoredPod, wants: Wants, { cpus, memory, toPods }: Given): boolean {
  if ((!cpus && !memory) || !wants.may) return false;
  const { uid } = pod.metadata;
  const ends = new Set(pod.spec.initContainers?.flatMap((one) => (isSidecar(one) ? [] : [one.name])));
  if (wants.asPod && toPods) {
    const hasCpus = !cpus || wants.cpusOfPod() === 0 || cpus.pods.get(uid)?.length === wants.cpusOfPod();
    return hasCpus && (!memory || memory.pods.has(uid));
  }
  return containersOf(pod).every((container) => {
    const count = wants.cpus(container);
    const hasCpus = !cpus || count === 0 || exclusiveCpus(cpus, uid, container.name)?.length === count;
    return hasCpus && (!memory || ends.has(container.name) || blocksOf(memory, uid, container.name) !== undefined);
  });
}
