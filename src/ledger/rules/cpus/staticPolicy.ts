import { isSidecar } from '../../../k8s/containerTotals.ts';
import { formatCpuList, union, without } from '../../../k8s/cpuList.ts';
import type { Container, StoredPod } from '../../../types/k8s.ts';
import { containersOf } from '../topology/containers.ts';
import type { AllocationError, Hint, HintProvider, Hints } from '../topology/hints.ts';
import { type CpuTopology, cpusIn, placesOf } from '../topology/nodeTopology.ts';
import { combinations, countOf, maskOf, nodesOf } from '../topology/numaMask.ts';
import type { Wants } from '../wants.ts';
import { type CpuState, exclusiveCpus, giveCpus, giveCpusToPod, returnCpus } from './cpuState.ts';
import { pickDistributed } from './distributed.ts';
import { type Picked, pickPacked } from './packed.ts';
import type { StaticCpuOptions } from './staticOptions.ts';
import { divideCpus, emptyPool } from './wholePod.ts';

/** CPU manager policy static on one machine. */
export interface StaticCpuPolicy {
  readonly topology: CpuTopology;
  readonly options: StaticCpuOptions;
  /** Never given to one container alone, ascending. */
  readonly reserved: readonly number[];
}

/**
 * Sets the policy up. `reserved`: reservedSystemCPUs, empty for as many as `count` (the reservation of CPU, rounded up) says. Throws with
 * Go's refusal.
 */
export function staticCpuPolicy(
  topology: CpuTopology,
  options: StaticCpuOptions,
  { reserved, count }: { readonly reserved: readonly number[]; readonly count: number },
): StaticCpuPolicy {
  const picked = reserved.length > 0 ? { cpus: reserved } : pickCpus({ topology, options }, topology.cpus, count);
  const cpus = 'cpus' in picked ? picked.cpus : [];
  if (cpus.length !== count) {
    throw new Error(
      `[cpumanager] unable to reserve the required amount of CPUs (size of ${formatCpuList(cpus)} did not equal ${count})`,
    );
  }
  const unknown = cpus.find((cpu) => !topology.places.has(cpu));
  if (unknown !== undefined) {
    throw new Error(
      `[cpumanager] unable to build the reserved physical CPUs from the reserved set: unknown CPU ID: ${unknown}`,
    );
  }
  return { topology, options, reserved: cpus };
}

/** Picks CPUs as the policy's options say. */
export function pickCpus(
  { topology, options }: Pick<StaticCpuPolicy, 'topology' | 'options'>,
  available: readonly number[],
  count: number,
): Picked {
  const spread = options.acrossCores;
  if (!options.acrossNuma)
    return pickPacked(topology, available, count, { spread, alignByUncore: options.alignByUncore });
  return pickDistributed(topology, available, count, {
    groupSize: options.fullCoresOnly ? topology.perCore : 1,
    spread,
  });
}

/** Gives CPUs to the containers of one Pod. Thrown away after a rejection; else its state is the new one. */
export class CpuAllocation implements HintProvider {
  readonly #policy: StaticCpuPolicy;
  readonly #pod: StoredPod;
  readonly #wants: Wants;
  /** CPUs of init containers that have ended when the next one starts. */
  #reusable: readonly number[] = [];
  #state: CpuState;

  constructor(policy: StaticCpuPolicy, state: CpuState, pod: StoredPod, wants: Wants) {
    this.#policy = policy;
    this.#state = state;
    this.#pod = pod;
    this.#wants = wants;
  }

  get state(): CpuState {
    return this.#state;
  }

  hints(container: Container): Hints {
    const count = this.#wanted(container);
    if (count === 0) return null;
    const has = exclusiveCpus(this.#state, this.#uid, container.name);
    if (has) return { cpu: has.length === count ? this.#hints(has, [], count) : [] };
    return { cpu: this.#hints(this.#available(), this.#reusable, count) };
  }

  podHints(): Hints {
    const count = this.#wantedByPod();
    if (count === 0) return null;
    if (this.#wants.asPod && emptyPool(this.#pod, this.#wants, count)) return { cpu: [] };
    let assigned: number[] = [];
    for (const container of containersOf(this.#pod)) {
      const has = exclusiveCpus(this.#state, this.#uid, container.name);
      if (has && has.length !== this.#wants.cpus(container)) return { cpu: [] };
      assigned = union(assigned, has ?? []);
    }
    if (assigned.length === count) return { cpu: this.#hints(assigned, [], count) };
    return { cpu: this.#hints(this.#available(), union(this.#reusable, assigned), count) };
  }

  allocate(container: Container, { nodes }: Hint): AllocationError | undefined {
    const count = this.#wanted(container);
    if (count === 0) return undefined;
    const misaligned = this.#misaligned(count);
    if (misaligned) return misaligned;
    const has = exclusiveCpus(this.#state, this.#uid, container.name);
    if (has) {
      this.#noteReusable(container, has);
      return undefined;
    }
    const picked = this.#pick(count, nodes);
    if ('error' in picked) return { message: picked.error };
    this.#state = giveCpus(this.#state, this.#uid, container.name, picked.cpus);
    this.#noteReusable(container, picked.cpus);
    return undefined;
  }

  allocatePod({ nodes }: Hint): AllocationError | undefined {
    const count = this.#wantedByPod();
    if (count === 0) return undefined;
    const empty = emptyPool(this.#pod, this.#wants, count);
    if (empty !== undefined) return { reason: 'EmptyPodSharedPoolError', message: empty };
    // What its containers were given one by one (the scope was another one then) becomes the Pod's.
    this.#state = returnCpus(this.#state, this.#uid);
    const misaligned = this.#misaligned(count);
    if (misaligned) return misaligned;
    const picked = this.#pick(count, nodes);
    if ('error' in picked) return { message: picked.error };
    const parts = divideCpus(this.#pod, this.#wants, picked.cpus, (from, n) => pickCpus(this.#policy, from, n));
    if ('error' in parts) return { message: parts.error };
    this.#state = giveCpusToPod(this.#state, this.#uid, picked.cpus);
    for (const [name, cpus] of parts.cpus) this.#state = giveCpus(this.#state, this.#uid, name, cpus);
    return undefined;
  }

  get #uid(): string {
    return this.#pod.metadata.uid;
  }

  #wanted(container: Container): number {
    return this.#wants.may ? this.#wants.cpus(container) : 0;
  }

  #wantedByPod(): number {
    return this.#wants.may ? this.#wants.cpusOfPod() : 0;
  }

  #available(): readonly number[] {
    return without(this.#state.shared, this.#policy.reserved);
  }

  /** From the nodes of the hint as many as can be, and the rest from anywhere. */
  #pick(count: number, nodes: number | null): Picked {
    const available = union(this.#available(), this.#reusable);
    let cpus: readonly number[] = [];
    if (nodes !== null) {
      const near = this.#near(available, nodesOf(nodes));
      const picked = pickCpus(this.#policy, near, Math.min(count, near.length));
      if ('error' in picked) return picked;
      cpus = picked.cpus;
    }
    const rest = pickCpus(this.#policy, without(available, cpus), count - cpus.length);
    return 'error' in rest ? rest : { cpus: union(cpus, rest.cpus) };
  }

  #near(available: readonly number[], nodes: readonly number[]): number[] {
    const { topology, options } = this.#policy;
    if (!options.alignBySocket) return cpusIn(topology, 'numa', nodes, available);
    const sockets = placesOf(topology, 'socket', cpusIn(topology, 'numa', nodes));
    return cpusIn(topology, 'socket', [...sockets], available);
  }

  #misaligned(count: number): AllocationError | undefined {
    const { topology, options, reserved } = this.#policy;
    if (!options.fullCoresOnly) return undefined;
    const reason = 'SMTAlignmentError';
    const { perCore } = topology;
    if (count % perCore !== 0) {
      return {
        reason,
        message: `SMT Alignment Error: requested ${count} cpus not multiple cpus per core = ${perCore}`,
      };
    }
    const reservedCores = cpusIn(topology, 'core', [...placesOf(topology, 'core', reserved)]);
    const available = without(this.#state.shared, reservedCores).length;
    if (count <= available) return undefined;
    return {
      reason,
      message:
        `SMT Alignment Error: not enough free physical CPUs: available physical CPUs = ${available}, ` +
        `requested CPUs = ${count}, CPUs per core = ${perCore}`,
    };
  }

  /** Main containers and sidecars keep theirs; what an init container had is free again when it has ended. */
  #noteReusable(container: Container, cpus: readonly number[]): void {
    const init = this.#pod.spec.initContainers?.find((one) => one.name === container.name);
    const ends = init !== undefined && !isSidecar(init);
    this.#reusable = ends ? union(this.#reusable, cpus) : without(this.#reusable, cpus);
  }

  /** Every combination of NUMA nodes that has enough; preferred: no smaller one would do on an empty machine. */
  #hints(available: readonly number[], reusable: readonly number[], count: number): Hint[] {
    const { topology } = this.#policy;
    const perNode = (cpus: readonly number[]) =>
      new Map(topology.numaNodes.map((node) => [node, cpusIn(topology, 'numa', [node], cpus).length]));
    const [all, free] = [perNode(topology.cpus), perNode(available)];
    const mustHave = maskOf(placesOf(topology, 'numa', reusable));
    const total = (counts: ReadonlyMap<number, number>, nodes: readonly number[]) =>
      nodes.reduce((sum, node) => sum + (counts.get(node) ?? 0), 0);
    let smallest = topology.numaNodes.length;
    const found: number[] = [];
    for (const mask of combinations(topology.numaNodes)) {
      const nodes = nodesOf(mask);
      if (total(all, nodes) >= count) smallest = Math.min(smallest, nodes.length);
      if ((mask & mustHave) !== mustHave) continue;
      if (total(free, nodes) + reusable.length >= count) found.push(mask);
    }
    return found.map((nodes) => ({
      nodes,
      preferred: countOf(nodes) === smallest || this.#onFewestSockets(nodes, smallest),
    }));
  }

  /** With align-by-socket, nodes of as few sockets as so many nodes need are as good as fewer nodes. */
  #onFewestSockets(nodes: number, smallest: number): boolean {
    const { topology, options } = this.#policy;
    const perSocket = Math.floor(topology.numaNodes.length / topology.sockets);
    if (!options.alignBySocket || perSocket === 0) return false;
    const sockets = placesOf(topology, 'socket', cpusIn(topology, 'numa', nodesOf(nodes))).size;
    return sockets === Math.floor((smallest + perSocket - 1) / perSocket);
  }
}
