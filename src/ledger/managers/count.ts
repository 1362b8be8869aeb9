import type { StoredPod } from '../../types/k8s.ts';
import { type CpuState, exclusiveCpus } from '../rules/cpus/cpuState.ts';
import type { StaticCpuPolicy } from '../rules/cpus/staticPolicy.ts';
import { blocksOf, type MemoryState } from '../rules/memory/memoryState.ts';
import { givesToPods, type TopologySettings } from '../rules/topology/admit.ts';
import { containersOf } from '../rules/topology/containers.ts';
import type { Hint } from '../rules/topology/hints.ts';
import { placesOf } from '../rules/topology/nodeTopology.ts';
import type { Wants } from '../rules/wants.ts';
import type { Rejection } from '../types.ts';
import type { ManagerCounters } from './counters.ts';
import { countWholePod } from './countWholePod.ts';

/** One decision about a Pod. */
export interface Decided {
  readonly topology: TopologySettings;
  readonly policy: StaticCpuPolicy | null;
  /** Policy Static of the memory manager. */
  readonly memory: boolean;
  readonly rejection: Rejection | undefined;
  /** Containers that were reached. */
  readonly affinities: ReadonlyMap<string, Hint>;
  readonly before: CpuState;
  readonly after: CpuState;
  readonly memoryBefore: MemoryState;
}

/** Counts what kubelet's managers count on the way: who asked for what, and how near it was given. */
export function countAdmission(counters: ManagerCounters, pod: StoredPod, wants: Wants, decided: Decided): void {
  countAlignment(counters, decided);
  if (!wants.may) return;
  if (wants.asPod && givesToPods(decided.topology)) {
    countWholePod(counters, pod, wants, decided);
    return;
  }
  const reached = containersOf(pod).filter(({ name }) => decided.affinities.has(name));
  const allocationFailed = decided.rejection !== undefined && decided.rejection.reason !== 'TopologyAffinityError';
  for (const [i, container] of reached.entries()) {
    const failed = allocationFailed && i === reached.length - 1;
    const ofMemory = failed && decided.rejection?.message.includes('[memorymanager]') === true;
    if (decided.policy && wants.cpus(container) > 0)
      countCpus(counters, pod, container.name, failed && !ofMemory, decided);
    if (!decided.memory || (failed && !ofMemory)) continue;
    counters.pinning('memory', failed);
    const isNew = !blocksOf(decided.memoryBefore, pod.metadata.uid, container.name);
    countGiven(counters, 'memory', failed, isNew);
  }
}

function countGiven(counters: ManagerCounters, resource: 'cpu' | 'memory', failed: boolean, isNew: boolean): void {
  if (failed || isNew) counters.allocated(resource, 'node', failed);
  if (!failed && isNew) counters.assigned(resource, 'node_exclusive');
}

function countCpus(counters: ManagerCounters, pod: StoredPod, name: string, failed: boolean, decided: Decided): void {
  counters.pinning('cpu', failed);
  const { policy, before, after } = decided;
  if (policy?.options.fullCoresOnly) counters.aligned('container', 'physical_cpu', failed);
  const cpus = exclusiveCpus(after, pod.metadata.uid, name);
  const isNew = cpus !== undefined && exclusiveCpus(before, pod.metadata.uid, name) === undefined;
  countGiven(counters, 'cpu', failed, isNew);
  if (policy && isNew && placesOf(policy.topology, 'uncore', cpus).size <= 1) {
    counters.aligned('container', 'uncore_cache', false);
  }
}

/** Only single-numa-node promises nearness. */
function countAlignment(counters: ManagerCounters, { topology, rejection, affinities }: Decided): void {
  if (topology.policy?.name !== 'single-numa-node') return;
  const misaligned = rejection?.reason === 'TopologyAffinityError';
  if (topology.scope === 'pod') {
    if (!rejection || misaligned) counters.aligned('pod', 'numa_node', misaligned);
    return;
  }
  const given = affinities.size - (rejection && !misaligned ? 1 : 0);
  for (let i = 0; i < given; i++) counters.aligned('container', 'numa_node', false);
  if (misaligned) counters.aligned('container', 'numa_node', true);
}
