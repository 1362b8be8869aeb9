import { goQuote } from '../../../k8s/goText.ts';
import type { MemoryBlock, MemoryState, MemoryTable, NodeMemory } from './memoryState.ts';

/** Bytes in JSON: a bigint where a number cannot hold it. */
type Bytes = number | bigint;

/** `<root>/memory_manager_state`. */
export interface MemoryFile {
  readonly policyName: string;
  readonly machineState: Readonly<Record<string, NodeFile>>;
  readonly entries?: Readonly<Record<string, Readonly<Record<string, readonly BlockFile[]>>>>;
  /** Version 2, with the feature gate PodLevelResourceManagers. */
  readonly podEntries?: Readonly<Record<string, { readonly memoryBlocks?: readonly BlockFile[] }>>;
}

interface NodeFile {
  readonly numberOfAssignments: number;
  readonly memoryMap: Readonly<Record<string, Readonly<Record<TableField, Bytes>>>>;
  readonly cells: readonly number[];
}

interface BlockFile {
  readonly numaAffinity: readonly number[];
  readonly type: string;
  readonly size: Bytes;
}

type TableField = keyof MemoryTable;
const TABLE: readonly TableField[] = ['total', 'systemReserved', 'allocatable', 'reserved', 'free'];

/** The state in the form of the Go kubelet's memory_manager_state. */
export function toMemoryFile(policyName: string, { machine, blocks, pods }: MemoryState): MemoryFile {
  const node = ({ assignments, tables, cells }: NodeMemory): NodeFile => ({
    numberOfAssignments: assignments,
    memoryMap: Object.fromEntries(tables),
    cells,
  });
  const toFile = ({ nodes, kind, size }: MemoryBlock): BlockFile => ({ numaAffinity: nodes, type: kind, size });
  const entries = mapEntries(blocks, (containers) => mapEntries(containers, (list) => list.map(toFile)));
  const podEntries = mapEntries(pods, (list) => (list.length > 0 ? { memoryBlocks: list.map(toFile) } : {}));
  return {
    ...{ policyName, machineState: mapEntries(machine, node) },
    ...(blocks.size > 0 && { entries }),
    ...(pods.size > 0 && { podEntries }),
  };
}

/** Throws with Go's refusal. */
export function fromMemoryFile(policyName: string, file: MemoryFile): MemoryState {
  if (file.policyName !== policyName) {
    throw new Error(
      `[memorymanager] configured policy ${goQuote(policyName)} differs from state checkpoint policy ${goQuote(file.policyName)}`,
    );
  }
  const table = (of: Readonly<Record<TableField, Bytes>>) =>
    Object.fromEntries(TABLE.map((field) => [field, BigInt(of[field] ?? 0)])) as Record<TableField, bigint>;
  const machine = Object.entries(file.machineState ?? {}).map(([id, node]): [number, NodeMemory] => [
    Number(id),
    {
      assignments: node.numberOfAssignments,
      tables: new Map(Object.entries(node.memoryMap ?? {}).map(([kind, of]) => [kind, table(of)])),
      cells: node.cells ?? [],
    },
  ]);
  const block = ({ numaAffinity, type, size }: BlockFile): MemoryBlock => ({
    nodes: numaAffinity ?? [],
    kind: type,
    size: BigInt(size),
  });
  const blocks = new Map(
    Object.entries(file.entries ?? {}).map(([uid, containers]) => [
      uid,
      new Map(Object.entries(containers).map(([name, list]) => [name, (list ?? []).map(block)])),
    ]),
  );
  const pods = new Map(
    Object.entries(file.podEntries ?? {}).map(([uid, { memoryBlocks }]) => [uid, (memoryBlocks ?? []).map(block)]),
  );
  return { machine: new Map(machine), blocks, pods };
}

function mapEntries<K extends string | number, V, R>(map: ReadonlyMap<K, V>, to: (value: V) => R): Record<string, R> {
  return Object.fromEntries([...map].map(([key, value]) => [key, to(value)]));
}
