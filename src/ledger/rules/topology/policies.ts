import type { Hint, Hints } from './hints.ts';
import { countOf, isNarrower, type NumaMask, nodesOf } from './numaMask.ts';

/** KubeletConfiguration topologyManagerPolicy without `none`. */
export type TopologyPolicyName = 'best-effort' | 'restricted' | 'single-numa-node';

/** How hints are merged, and on which machine. */
export interface TopologyPolicy {
  readonly name: TopologyPolicyName;
  /** All NUMA nodes of the machine. */
  readonly allNodes: NumaMask;
  /** Set with the option prefer-closest-numa-nodes: from each node to each, by id. */
  readonly distances: ReadonlyMap<number, readonly number[]> | null;
}

/** The hint that all providers' hints come to, and whether a Pod may have what it stands for. */
export function mergeHints(policy: TopologyPolicy, providers: readonly Hints[]): { hint: Hint; admit: boolean } {
  const lists = listsOf(providers);
  if (policy.name !== 'single-numa-node') {
    const hint = best(policy, lists);
    return { hint, admit: policy.name === 'best-effort' || hint.preferred };
  }
  const single = lists.map((list) =>
    list.filter(({ nodes, preferred }) => preferred && (nodes === null || countOf(nodes) === 1)),
  );
  const found = best(policy, single);
  // All nodes is no affinity at all.
  const hint = found.nodes === policy.allNodes ? { nodes: null, preferred: found.preferred } : found;
  return { hint, admit: hint.preferred };
}

/** One list a resource; who does not mind agrees with everything, who has no way to give agrees with nothing. */
function listsOf(providers: readonly Hints[]): (readonly Hint[])[] {
  const anywhere: readonly Hint[] = [{ nodes: null, preferred: true }];
  const nowhere: readonly Hint[] = [{ nodes: null, preferred: false }];
  return providers.flatMap((hints) => {
    const lists = Object.values(hints ?? {});
    if (lists.length === 0) return [anywhere];
    return lists.map((list) => (list === null ? anywhere : list.length === 0 ? nowhere : list));
  });
}

/**
 * The best of what one hint of each list can come to: the nodes that all of them share, preferred if each is preferred and they all
 * name the same nodes. Kubelet looks at every combination, which grows with the product of the lists; here the sets of nodes that can be
 * reached are kept instead. They are compared by a total order, so the outcome is the same.
 */
function best(policy: TopologyPolicy, lists: readonly (readonly Hint[])[]): Hint {
  const preferred = preferredMasks(policy, lists);
  const better = comparer(policy, lists);
  const choose = (masks: Iterable<NumaMask>, isBetter: (a: NumaMask, b: NumaMask) => boolean) => {
    let chosen: NumaMask | undefined;
    for (const mask of masks) if (mask !== 0 && (chosen === undefined || isBetter(mask, chosen))) chosen = mask;
    return chosen;
  };
  const nodes = choose(preferred, better.fitter);
  if (nodes !== undefined) return { nodes, preferred: true };
  return { nodes: choose(sharedMasks(policy, lists), better.nearer) ?? policy.allNodes, preferred: false };
}

/** What combinations of preferred hints come to that all name the same nodes. */
function preferredMasks({ allNodes }: TopologyPolicy, lists: readonly (readonly Hint[])[]): Set<NumaMask> {
  const wanted = lists.map((list) => new Set(list.filter((hint) => hint.preferred).map(({ nodes }) => nodes)));
  const agreed = (mask: NumaMask) => wanted.every((masks) => masks.has(mask) || masks.has(null));
  const named = wanted.flatMap((masks) => [...masks].filter((mask) => mask !== null));
  const found = new Set(named.filter(agreed).map((mask) => mask & allNodes));
  if (wanted.every((masks) => masks.has(null))) found.add(allNodes);
  return found;
}

/** What combinations of any hints come to. */
function sharedMasks({ allNodes }: TopologyPolicy, lists: readonly (readonly Hint[])[]): Set<NumaMask> {
  let reached = new Set<NumaMask>([allNodes]);
  for (const list of lists) {
    const masks = new Set(list.map(({ nodes }) => nodes ?? allNodes));
    const next = new Set<NumaMask>();
    for (const a of reached) for (const b of masks) next.add(a & b);
    reached = next;
  }
  return reached;
}

/** `fitter` orders equals; `nearer` orders what is not preferred: as many nodes as the neediest resource needs, else fewer, else more. */
function comparer({ name, distances }: TopologyPolicy, lists: readonly (readonly Hint[])[]) {
  const closest = name === 'single-numa-node' ? null : distances;
  const fitter = (a: NumaMask, b: NumaMask) => {
    if (closest === null || countOf(a) !== countOf(b)) return isNarrower(a, b);
    const [distanceA, distanceB] = [averageDistance(closest, a), averageDistance(closest, b)];
    return distanceA === distanceB ? a < b : distanceA < distanceB;
  };
  const needed = Math.max(0, ...lists.map(narrowestCount));
  const rank = (count: number) => (count === needed ? 0 : count < needed ? 1 + needed - count : 1 + needed + count);
  const nearer = (a: NumaMask, b: NumaMask) => {
    const [rankA, rankB] = [rank(countOf(a)), rank(countOf(b))];
    return rankA === rankB ? fitter(a, b) : rankA < rankB;
  };
  return { fitter, nearer };
}

function narrowestCount(list: readonly Hint[]): number {
  const counts = list.flatMap(({ nodes }) => (nodes === null ? [] : [countOf(nodes)]));
  return counts.length === 0 ? 0 : Math.min(...counts);
}

function averageDistance(distances: ReadonlyMap<number, readonly number[]>, mask: NumaMask): number {
  const nodes = nodesOf(mask);
  let sum = 0;
  for (const a of nodes) for (const b of nodes) sum += distances.get(a)?.[b] ?? 0;
  return nodes.length === 0 ? 0 : sum / nodes.length ** 2;
}
