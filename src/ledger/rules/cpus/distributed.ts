import { type CpuTopology, placesOf } from '../topology/nodeTopology.ts';
import { FreeCpus } from './freeCpus.ts';
import { eachCombination, type Slice, STOP } from './goSlices.ts';
import { notEnough, type Picked, pickPacked } from './packed.ts';

/** As many CPUs as belong together, and how they are picked inside a NUMA node. */
export interface DistributedOptions {
  /** CPUs of a core where only whole cores are given, else 1. */
  readonly groupSize: number;
  readonly spread: boolean;
}

/** One way to spread a request over NUMA nodes: as many CPUs on each of `nodes`, and the rest in groups on some of them. */
interface Spreading {
  readonly nodes: Slice;
  readonly rest: Slice | undefined;
  /** How uneven the machine is afterwards; 0 is best. */
  readonly balance: number;
}

/**
 * Picks CPUs evenly from as few NUMA nodes as can give them, so that the machine stays as even as possible (kubelet's option
 * distribute-cpus-across-numa). Packs them where groups cannot be kept together or no even way is found.
 */
export function pickDistributed(
  topology: CpuTopology,
  available: readonly number[],
  count: number,
  { groupSize, spread }: DistributedOptions,
): Picked {
  const packed = (from: readonly number[], n: number) =>
    pickPacked(topology, from, n, { spread, alignByUncore: false });
  if (count % groupSize !== 0) return packed(available, count);
  const free = new FreeCpus(topology, available, count);
  if (free.satisfied) return { cpus: [] };
  if (count > free.count) return { error: notEnough(count, available.length) };

  const nodes = free.numaNodes();
  const freeOf = new Map(nodes.map((node) => [node, free.in('numa', node).length]));
  const [fewest, most] = nodesNeeded(topology, available, count, groupSize);
  for (let size = fewest; size <= most; size++) {
    const found = bestSpreading(nodes, size, { count, groupSize, freeOf });
    if (found === undefined) continue;
    carryOut(free, found, count, groupSize, packed);
    const left = free.needed;
    if (left !== 0) {
      const amount = left > 0 ? 'not enough' : 'too many';
      return { error: `accounting error, ${amount} CPUs allocated, remaining: ${left}` };
    }
    return { cpus: [...free.taken].sort((a, b) => a - b) };
  }
  return packed(available, count);
}

/** The fewest NUMA nodes that the request fits on when they are empty, and the most that a group each could be on. */
function nodesNeeded(topology: CpuTopology, available: readonly number[], count: number, groupSize: number) {
  const ceil = (a: number, b: number) => Math.floor((a - 1) / b) + 1;
  const groups = ceil(count, groupSize);
  const perNode = ceil(ceil(topology.cpus.length, groupSize), topology.numaNodes.length);
  const withFree = placesOf(topology, 'numa', available).size;
  return [ceil(groups, perNode), Math.min(groups, withFree)] as const;
}

interface Request {
  readonly count: number;
  readonly groupSize: number;
  readonly freeOf: ReadonlyMap<number, number>;
}

function bestSpreading(all: readonly number[], size: number, request: Request): Spreading | undefined {
  const { count, groupSize, freeOf } = request;
  let best: Spreading | undefined;
  eachCombination(all, size, (combination) => {
    if (best?.balance === 0) return STOP;
    const nodes = combination.values();
    const free = nodes.map((node) => freeOf.get(node)!);
    if (sum(free) < count) return undefined;
    if (sum(free.map((n) => Math.floor(n / groupSize))) * groupSize < count) return undefined;
    const each = evenShare(count, size, groupSize);
    if (free.some((n) => n < each)) return undefined;
    const left = new Map(freeOf);
    for (const node of nodes) left.set(node, left.get(node)! - each);
    const spreading = withRest(combination, left, count - each * size, groupSize);
    if (spreading.balance < (best?.balance ?? Number.MAX_VALUE)) best = spreading;
    return undefined;
  });
  return best;
}

/** Finds where what an even share leaves over goes: the choice that leaves the machine most even. */
function withRest(nodes: Slice, left: ReadonlyMap<number, number>, rest: number, groupSize: number): Spreading {
  if (rest === 0) return { nodes, rest: undefined, balance: deviation([...left.values()]) };
  let best: Spreading = { nodes, rest: undefined, balance: Number.MAX_VALUE };
  const able = nodes.values().filter((node) => left.get(node)! >= groupSize);
  for (let size = able.length; size >= 1; size--) {
    eachCombination(able, size, (subset) => {
      const after = giveRest(subset.values(), left, rest, groupSize);
      const balance = after ? deviation([...after.values()]) : Number.MAX_VALUE;
      if (balance < best.balance) best = { nodes, rest: subset, balance };
      return undefined;
    });
  }
  return best;
}

/** Gives the rest to these nodes in turn; undefined: they have too little, or only parts of groups. */
function giveRest(nodes: readonly number[], left: ReadonlyMap<number, number>, rest: number, groupSize: number) {
  if (sum(nodes.map((node) => left.get(node)!)) < rest) return undefined;
  const after = new Map(left);
  for (let open = rest; open > 0; ) {
    const before = open;
    for (const node of nodes) {
      if (open === 0 || after.get(node)! < groupSize) continue;
      after.set(node, after.get(node)! - groupSize);
      open -= groupSize;
    }
    if (open === before) return undefined;
  }
  return after;
}

function carryOut(
  free: FreeCpus,
  { nodes, rest }: Spreading,
  count: number,
  groupSize: number,
  packed: (from: readonly number[], n: number) => Picked,
): void {
  const takeFrom = (node: number, n: number) => {
    const picked = packed(free.in('numa', node), n);
    free.take('cpus' in picked ? picked.cpus : []);
  };
  const each = evenShare(count, nodes.length, groupSize);
  for (const node of nodes.values()) takeFrom(node, each);
  for (let open = count - each * nodes.length; open > 0; ) {
    const before = open;
    for (const node of rest?.values() ?? []) {
      if (open === 0 || free.in('numa', node).length < groupSize) continue;
      takeFrom(node, groupSize);
      open -= groupSize;
    }
    if (open === before) return;
  }
}

function evenShare(count: number, nodes: number, groupSize: number): number {
  return Math.floor(Math.floor(count / nodes) / groupSize) * groupSize;
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** The standard deviation, to three places as kubelet compares it. */
function deviation(numbers: readonly number[]): number {
  const round = (n: number) => Math.round(n * 1000) / 1000;
  const mean = round(sum(numbers) / numbers.length);
  return round(Math.sqrt(sum(numbers.map((n) => (n - mean) ** 2)) / numbers.length));
}
