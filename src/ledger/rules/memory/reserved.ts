import { goQuote } from '../../../k8s/goText.ts';
import { formatQuantity, quantityOf, quantityValue } from '../../../k8s/quantity.ts';
import type { NodeTopology } from '../topology/nodeTopology.ts';
import type { ReservedMemory } from './memoryState.ts';

/** An entry of KubeletConfiguration reservedMemory. */
export interface MemoryReservation {
  readonly numaNode: number;
  readonly limits: Readonly<Record<string, string>>;
}

/**
 * What is reserved on each NUMA node. `total`: what is kept back from Pods on the whole node (kube and system reservation and hard
 * eviction threshold), which it must add up to, in bytes by kind. Throws with Go's refusal.
 */
export function reservedMemory(
  { nodes }: NodeTopology,
  reservations: readonly MemoryReservation[],
  total: Readonly<Record<string, bigint>>,
): ReservedMemory {
  const byNode = new Map<number, Map<string, bigint>>(nodes.map(({ id }) => [id, new Map()]));
  const sums = new Map<string, bigint>();
  for (const { numaNode, limits } of reservations) {
    const ofNode = byNode.get(numaNode);
    if (!ofNode) {
      throw new Error(
        `the reserved memory configuration references a NUMA node ${numaNode} that does not exist on this machine`,
      );
    }
    for (const [kind, amount] of Object.entries(limits)) {
      const bytes = quantityValue(amount);
      ofNode.set(kind, bytes);
      sums.set(kind, (sums.get(kind) ?? 0n) + bytes);
    }
  }
  for (const kind of new Set([...sums.keys(), ...Object.keys(total)])) {
    const [given, wanted] = [sums.get(kind) ?? 0n, total[kind] ?? 0n];
    if (given === wanted) continue;
    const text = (bytes: bigint) => goQuote(formatQuantity(quantityOf(bytes, 'BinarySI')));
    throw new Error(
      `the total amount ${text(given)} of type ${goQuote(kind)} is not equal to the value ${text(wanted)} determined by Node Allocatable feature`,
    );
  }
  if (![...byNode.values()].some((kinds) => (kinds.get('memory') ?? 0n) > 0n)) {
    throw new Error('[memorymanager] you should specify the system reserved memory');
  }
  return byNode;
}
