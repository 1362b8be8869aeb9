/** A set of NUMA nodes: bit N is node N. Ids end at 30, so that every mask is a small positive number. */
export type NumaMask = number;

/** The highest id of a NUMA node that a mask can hold. */
export const MAX_NUMA_ID = 30;

/** The mask of these nodes, each at most MAX_NUMA_ID. */
export function maskOf(nodes: Iterable<number>): NumaMask {
  let mask = 0;
  for (const node of nodes) mask |= 1 << node;
  return mask;
}

/** The nodes of a mask, ascending. */
export function nodesOf(mask: NumaMask): number[] {
  const nodes: number[] = [];
  for (let node = 0, rest = mask; rest !== 0; node++, rest >>>= 1) if (rest & 1) nodes.push(node);
  return nodes;
}

/** How many nodes a mask has. */
export function countOf(mask: NumaMask): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Fewer nodes; among as many, lower ones. */
export function isNarrower(a: NumaMask, b: NumaMask): boolean {
  const [countA, countB] = [countOf(a), countOf(b)];
  return countA === countB ? a < b : countA < countB;
}

/** Every combination of these nodes (ascending): single ones first, then pairs, and so on. */
export function combinations(nodes: readonly number[]): NumaMask[] {
  const all: NumaMask[] = [];
  const extend = (mask: NumaMask, from: number, left: number) => {
    if (left === 0) all.push(mask);
    else for (let i = from; i <= nodes.length - left; i++) extend(mask | (1 << nodes[i]!), i + 1, left - 1);
  };
  for (let size = 1; size <= nodes.length; size++) extend(0, 0, size);
  return all;
}
