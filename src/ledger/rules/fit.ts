import type { Amounts, Rejection } from '../types.ts';

/** One resource of which the node has too little, in the units of `Amounts`. */
export interface Shortage {
  readonly resource: string;
  readonly requested: bigint;
  readonly used: bigint;
  readonly capacity: bigint;
}

/** What fit compares: the node's allocatable, the sum of what other Pods hold, and how many they are. */
export interface Room {
  readonly allocatable: Amounts;
  readonly used: Amounts;
  readonly pods: number;
}

/**
 * Everything the node lacks for a Pod with these requests, in the scheduler's order: Pod count, cpu, memory,
 * ephemeral-storage, then the rest by name. A request of zero always fits, also on an overcommitted node.
 */
export function shortages(requests: Amounts, room: Room): Shortage[] {
  const found: Shortage[] = [];
  const limit = room.allocatable.pods ?? 0n;
  if (BigInt(room.pods) + 1n > limit) {
    found.push({ resource: 'pods', requested: 1n, used: BigInt(room.pods), capacity: limit });
  }
  for (const resource of inOrder(Object.keys(requests))) {
    const requested = requests[resource]!;
    const used = room.used[resource] ?? 0n;
    const capacity = room.allocatable[resource] ?? 0n;
    if (requested > 0n && requested > capacity - used) found.push({ resource, requested, used, capacity });
  }
  return found;
}

const FIRST = ['cpu', 'memory', 'ephemeral-storage'];

function inOrder(names: readonly string[]): string[] {
  const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return names.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** The rejection for a shortage, in kubelet 1.36's words. */
export function shortageRejection({ resource, requested, used, capacity }: Shortage): Rejection {
  return {
    reason: `OutOf${resource}`,
    message:
      `Node didn't have enough resource: ${resource}, requested: ${requested}, ` +
      `used: ${used}, capacity: ${capacity}`,
  };
}
