import type { Hint } from '../topology/hints.ts';
import { combinations, countOf, isNarrower, type NumaMask, nodesOf } from '../topology/numaMask.ts';
import type { MachineMemory, MemoryTable, NodeMemory } from './memoryState.ts';
import type { MemoryRequest } from './requests.ts';

/** Bytes of a kind on these nodes that the Pod's ended init containers leave to the next one. */
export type Reusable = (nodes: NumaMask, kind: string) => bigint;

/**
 * The combinations of NUMA nodes that have enough of every kind. A node serves either containers that lie on it alone, or those that
 * span one group of nodes, never both (KEP-1769). Preferred: no smaller combination would do on an empty machine.
 */
export function memoryHints(machine: MachineMemory, request: MemoryRequest, reusable: Reusable): Hint[] {
  const ids = [...machine.keys()].sort((a, b) => a - b);
  let smallest = ids.length;
  const found: NumaMask[] = [];
  for (const mask of combinations(ids)) {
    const nodes = nodesOf(mask);
    if (!hasEnough(machine, nodes, request, 'allocatable')) continue;
    smallest = Math.min(smallest, nodes.length);
    const blocked = nodes.length === 1 ? machine.get(nodes[0]!)!.cells.length > 1 : violates(machine, nodes);
    const again = (kind: string) => reusable(mask, kind);
    if (!blocked && hasEnough(machine, nodes, request, 'free', again)) found.push(mask);
  }
  return found.map((nodes) => ({ nodes, preferred: countOf(nodes) === smallest }));
}

/** Whether memory over these nodes would mix with what lies on one of them alone, or on another group. */
export function violates(machine: MachineMemory, nodes: readonly number[]): boolean {
  if (nodes.length === 1) return false;
  const mixes = ({ assignments, cells }: NodeMemory) =>
    assignments > 0 && (cells.length === 1 || cells.toSorted((a, b) => a - b).join() !== nodes.join());
  return nodes.some((id) => mixes(machine.get(id)!));
}

/** Whether these nodes together have enough of every kind. */
export function hasEnough(
  machine: MachineMemory,
  nodes: readonly number[],
  request: MemoryRequest,
  part: keyof MemoryTable,
  reusable: (kind: string) => bigint = () => 0n,
): boolean {
  return [...request].every(([kind, size]) => {
    const sum = nodes.reduce((total, id) => total + (machine.get(id)?.tables.get(kind)?.[part] ?? 0n), 0n);
    return BigInt.asUintN(64, sum) + reusable(kind) >= size;
  });
}

/** The preferred one, then the narrowest. */
export function bestHint(hints: readonly Hint[]): Hint | undefined {
  let best: Hint | undefined;
  for (const hint of hints) {
    if (best === undefined || (hint.preferred && !best.preferred)) best = hint;
    else if (hint.preferred === best.preferred && isNarrower(hint.nodes ?? 0, best.nodes ?? 0)) best = hint;
  }
  return best;
}
