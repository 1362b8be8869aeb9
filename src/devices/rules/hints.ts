import { type DeviceList, hasTopology } from './inventory.ts';

/** A set of NUMA nodes that can satisfy a request (kubelet's TopologyHint): bit n stands for node n, 0 to 30. */
export interface DeviceHint {
  readonly nodes: number;
  /** No smaller set of nodes has as many devices. */
  readonly preferred: boolean;
}

/** What a hint is asked for. */
export interface HintRequest {
  readonly count: number;
  /** The machine's NUMA nodes; a plug-in's word on any other is ignored. */
  readonly machineNodes: readonly number[];
  /** What the container (or Pod) has of the resource already, after a restart: only hints for exactly that. */
  readonly held?: readonly string[];
  /** What init containers of the Pod leave. */
  readonly reusable?: ReadonlySet<string>;
}

/** With more nodes than this their combinations are too many to look at; kubelet's own limit for machines is 8 by default. */
const MAX_NODES = 16;
const MAX_NODE_ID = 30;

/**
 * The hints for one resource of one container. `undefined`: it has no wish where; none: it cannot be had anywhere. `taken` is what
 * anybody holds of it.
 */
export function deviceHints(
  inventory: DeviceList,
  taken: ReadonlySet<string>,
  request: HintRequest,
): readonly DeviceHint[] | undefined {
  if (!hasTopology(inventory)) return undefined;
  const { count, held = [], reusable = new Set<string>() } = request;
  if (held.length > 0) {
    if (held.length !== count) return [];
    return hintsOf(inventory, new Set(held), new Set(), request);
  }
  const free = new Set<string>();
  for (const { id, healthy } of inventory.values()) if (healthy && !taken.has(id)) free.add(id);
  if (new Set([...free, ...reusable]).size < count) return [];
  return hintsOf(inventory, free, reusable, request);
}

function hintsOf(
  inventory: DeviceList,
  available: ReadonlySet<string>,
  reusable: ReadonlySet<string>,
  { count, machineNodes }: HintRequest,
): DeviceHint[] {
  const nodes = nodesOf(inventory, machineNodes);
  const maskOf = (id: string) => (inventory.get(id)?.nodes ?? []).reduce((mask, node) => mask | bit(node), 0);
  // There may be thousands of devices and hundreds of sets of nodes: devices on the same nodes are counted together.
  const counted = (ids: Iterable<string>) => {
    const counts = new Map<number, number>();
    for (const id of ids) counts.set(maskOf(id), (counts.get(maskOf(id)) ?? 0) + 1);
    return [...counts];
  };
  const all = counted(inventory.keys());
  const free = counted(available);
  const left = counted([...reusable].filter((id) => inventory.has(id)));
  let smallest = nodes.length;
  const found: { nodes: number; size: number }[] = [];
  for (const mask of combinations(nodes)) {
    const size = bits(mask);
    const within = (of: readonly (readonly [nodes: number, count: number])[]) =>
      of.reduce((sum, [one, n]) => ((one & mask) === 0 ? sum : sum + n), 0);
    if (size < smallest && within(all) >= count) smallest = size;
    // What is left must be used, so nodes without it are no answer; a device that names no node lies in all of them.
    if (left.some(([one]) => one !== 0 && (one & mask) === 0)) continue;
    if (within(left) + within(free) >= count) found.push({ nodes: mask, size });
  }
  return found.map(({ nodes: mask, size }) => ({ nodes: mask, preferred: size === smallest }));
}

/** Only nodes with devices of the resource matter; of others there may be many. */
function nodesOf(inventory: DeviceList, machineNodes: readonly number[]): readonly number[] {
  const known = new Set(machineNodes);
  const bearing = new Set<number>();
  for (const { nodes } of inventory.values()) for (const node of nodes) if (known.has(node)) bearing.add(node);
  const nodes = bearing.size > 0 ? [...bearing] : [...machineNodes];
  return nodes.sort((a, b) => a - b).slice(0, MAX_NODES);
}

/** All sets of nodes but the empty one, smaller ones first, in kubelet's order. */
function combinations(nodes: readonly number[]): number[] {
  const masks: number[] = [];
  const extend = (mask: number, from: number, missing: number): void => {
    if (missing === 0) masks.push(mask);
    else for (let i = from; i <= nodes.length - missing; i++) extend(mask | bit(nodes[i]!), i + 1, missing - 1);
  };
  for (let size = 1; size <= nodes.length; size++) extend(0, 0, size);
  return masks;
}

const bit = (node: number): number => (node >= 0 && node <= MAX_NODE_ID ? 1 << node : 0);

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The nodes of a hint, ascending. */
export function nodesOfHint(mask: number): number[] {
  const nodes: number[] = [];
  for (let node = 0; node <= MAX_NODE_ID; node++) if (mask & bit(node)) nodes.push(node);
  return nodes;
}
