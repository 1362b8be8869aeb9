import { ascending } from '../../../k8s/cpuList.ts';
import { smaller } from '../../../lib/bigints.ts';
import type { NodeTopology } from '../topology/nodeTopology.ts';

/** How much of one kind of memory a NUMA node has, in bytes. */
export interface MemoryTable {
  readonly total: bigint;
  readonly systemReserved: bigint;
  /** What Pods may have: the total without what is reserved and, of plain memory, without huge pages. */
  readonly allocatable: bigint;
  /** Given to containers. */
  readonly reserved: bigint;
  readonly free: bigint;
}

/** One NUMA node's memory. */
export interface NodeMemory {
  /** How many blocks lie on it. */
  readonly assignments: number;
  /** By kind: `memory`, `hugepages-2Mi` … */
  readonly tables: ReadonlyMap<string, MemoryTable>;
  /** The nodes that its blocks span, itself included. */
  readonly cells: readonly number[];
}

/** Memory given to one container: so many bytes of a kind, from these nodes together. */
export interface MemoryBlock {
  readonly nodes: readonly number[];
  readonly kind: string;
  readonly size: bigint;
}

/** By NUMA node. */
export type MachineMemory = ReadonlyMap<number, NodeMemory>;

/** Whose memory is where. A value: every change makes a new one. */
export interface MemoryState {
  readonly machine: MachineMemory;
  /** By Pod UID, then container. */
  readonly blocks: ReadonlyMap<string, ReadonlyMap<string, readonly MemoryBlock[]>>;
  /** By UID: the blocks of Pods that have memory as a whole; those of their containers are parts of these. */
  readonly pods: ReadonlyMap<string, readonly MemoryBlock[]>;
}

/** Nothing known yet: what an absent file says. */
export const NO_MEMORY_STATE: MemoryState = { machine: new Map(), blocks: new Map(), pods: new Map() };

/** What is reserved for the system, in bytes, by NUMA node and kind. */
export type ReservedMemory = ReadonlyMap<number, ReadonlyMap<string, bigint>>;

const unsigned = (n: bigint) => BigInt.asUintN(64, n);

/** The machine's memory with nothing given away. */
export function emptyMachine({ nodes }: NodeTopology, reserved: ReservedMemory): MachineMemory {
  const machine = new Map<number, NodeMemory>();
  for (const node of nodes) {
    const table = (kind: string, total: bigint, otherwise = 0n): [string, MemoryTable] => {
      const systemReserved = reserved.get(node.id)?.get(kind) ?? 0n;
      const allocatable = unsigned(total - systemReserved - otherwise);
      return [kind, { total, systemReserved, allocatable, reserved: 0n, free: allocatable }];
    };
    const huge = node.hugePages.map(({ pageKiB, pages }) => ({
      kind: hugePageKind(pageKiB),
      bytes: BigInt(pageKiB) * BigInt(pages) * 1024n,
    }));
    const inHugePages = huge.reduce((sum, { bytes }) => sum + bytes, 0n);
    const tables = new Map([
      ...huge.map(({ kind, bytes }) => table(kind, bytes)),
      table('memory', node.memory, inHugePages),
    ]);
    machine.set(node.id, { assignments: 0, tables, cells: [node.id] });
  }
  return machine;
}

/** The resource's name: `hugepages-2Mi`. */
function hugePageKind(pageKiB: number): string {
  let [size, unit] = [pageKiB, 0];
  while (size % 1024 === 0 && unit < 5) {
    size /= 1024;
    unit++;
  }
  return `hugepages-${size}${['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'][unit]}`;
}

/** Takes `size` bytes from the block's nodes, the first ones first. Less than `block.size` where memory of init containers is used again. */
export function takeBlock(machine: MachineMemory, { nodes, kind }: MemoryBlock, size: bigint): MachineMemory {
  const next = new Map(machine);
  let open = size;
  for (const id of nodes) {
    const node = next.get(id);
    if (!node) continue;
    const table = node.tables.get(kind);
    const taken = table === undefined ? 0n : smaller(table.free, open);
    open -= taken;
    next.set(id, { assignments: node.assignments + 1, cells: nodes, tables: moved(node.tables, kind, taken) });
  }
  return next;
}

/** Gives a block back. */
function returnBlock(machine: MachineMemory, { nodes, kind, size }: MemoryBlock): MachineMemory {
  const next = new Map(machine);
  let open = size;
  for (const id of nodes) {
    const node = next.get(id);
    if (!node) continue;
    const assignments = node.assignments - 1;
    const returned = smaller(node.tables.get(kind)?.reserved ?? 0n, open);
    open -= returned;
    next.set(id, {
      assignments,
      cells: assignments === 0 ? [id] : node.cells,
      tables: moved(node.tables, kind, -returned),
    });
  }
  return next;
}

function moved(tables: NodeMemory['tables'], kind: string, taken: bigint): NodeMemory['tables'] {
  const table = tables.get(kind);
  if (!table || taken === 0n) return tables;
  return new Map(tables).set(kind, { ...table, reserved: table.reserved + taken, free: table.free - taken });
}

/** A container's blocks of memory; undefined: it was given none. */
export function blocksOf(state: MemoryState, uid: string, container: string): readonly MemoryBlock[] | undefined {
  return state.blocks.get(uid)?.get(container);
}

/** Writes down a container's blocks; the machine is not changed. */
export function withBlocks(
  state: MemoryState,
  uid: string,
  container: string,
  blocks: readonly MemoryBlock[],
): MemoryState {
  const ofPod = new Map(state.blocks.get(uid)).set(container, blocks);
  return { ...state, blocks: new Map(state.blocks).set(uid, ofPod) };
}

/** Gives back what one container has, or the whole Pod; the same value if there is nothing. */
export function returnMemory(state: MemoryState, uid: string, container?: string): MemoryState {
  const ofPod = state.blocks.get(uid);
  if (!ofPod || (container !== undefined && !ofPod.has(container))) return state;
  const rest = new Map(ofPod);
  let { machine } = state;
  const whole = state.pods.get(uid);
  for (const [name, blocks] of ofPod) {
    if (container !== undefined && name !== container) continue;
    rest.delete(name);
    if (!whole) for (const block of blocks) machine = returnBlock(machine, block);
  }
  const blocks = new Map(state.blocks);
  if (rest.size > 0) return { ...state, machine, blocks: blocks.set(uid, rest) };
  blocks.delete(uid);
  for (const block of whole ?? []) machine = returnBlock(machine, block);
  const pods = new Map(state.pods);
  pods.delete(uid);
  return { machine, blocks, pods };
}

/** The NUMA nodes that a container's memory comes from, ascending; empty: any. */
export function memoryNodes(state: MemoryState, uid: string, container: string): number[] {
  return ascending((blocksOf(state, uid, container) ?? []).flatMap(({ nodes }) => nodes));
}
