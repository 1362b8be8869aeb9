import type { StoredPod } from '../../types/k8s.ts';
import { placesOf } from '../rules/topology/nodeTopology.ts';
import type { Wants } from '../rules/wants.ts';
import type { Decided } from './count.ts';
import type { ManagerCounters } from './counters.ts';

/** Counts the admission of a Pod that was given CPUs and memory as a whole, as the Go kubelet counts it. */
export function countWholePod(counters: ManagerCounters, pod: StoredPod, wants: Wants, decided: Decided): void {
  const { rejection, policy, memory } = decided;
  if (rejection?.reason === 'TopologyAffinityError') return; // nobody was asked to give
  const failed = rejection !== undefined;
  const ofMemory = failed && /memorymanager|memory|hugepages/.test(rejection.message);
  if (policy && wants.cpusOfPod() > 0) {
    if (failed && !ofMemory) {
      counters.pinningFailed('cpu');
      counters.allocated('cpu', 'pod', true);
      return;
    }
    countParts(counters, 'cpu', pod, (container) => wants.cpus(container) > 0);
    const cpus = decided.after.pods.get(pod.metadata.uid) ?? [];
    if (placesOf(policy.topology, 'uncore', cpus).size <= 1) counters.aligned('container', 'uncore_cache', false);
  }
  if (!memory) return;
  counters.pinning('memory', failed);
  if (failed) counters.allocated('memory', 'pod', true);
  else countParts(counters, 'memory', pod, (container) => wants.memory(container).size > 0);
}

type Own = (container: StoredPod['spec']['containers'][number]) => boolean;

function countParts(counters: ManagerCounters, resource: 'cpu' | 'memory', { spec }: StoredPod, own: Own): void {
  const inits = spec.initContainers ?? [];
  for (const container of [...inits, ...spec.containers]) {
    const isOwn = own(container);
    // Of memory Go counts each init container as a request, whatever it asks for.
    const asks = isOwn || (resource === 'memory' && inits.includes(container));
    if (asks) counters.pinning(resource, false);
    counters.assigned(resource, isOwn ? 'pod_exclusive' : 'pod_shared');
    counters.allocated(resource, 'pod', false);
  }
}
