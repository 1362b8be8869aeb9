import { ascending } from '../../../k8s/cpuList.ts';
import { type MachineMemory, type MemoryState, takeBlock } from './memoryState.ts';

/**
 * Checks what a file says against the machine as it would be; a state that says nothing yet becomes the initial one. Throws with Go's
 * refusal.
 */
export function checkMemoryState(state: MemoryState, empty: MachineMemory): MemoryState {
  if (state.machine.size === 0) {
    if (state.blocks.size > 0) {
      throw new Error('[memorymanager] machine state can not be empty when it has memory assignments');
    }
    return { ...state, machine: empty };
  }
  let expected = empty;
  for (const [pod, containers] of state.blocks) {
    const whole = state.pods.get(pod);
    for (const [container, blocks] of whole?.length ? [['', whole] as const] : containers) {
      for (const block of blocks) {
        const where = `[memorymanager] (pod: ${pod}, container: ${container}) the memory assignment uses`;
        for (const id of block.nodes) {
          const node = expected.get(id);
          if (!node) throw new Error(`${where} the NUMA that does not exist`);
          if (!node.tables.has(block.kind)) throw new Error(`${where} memory resource that does not exist`);
        }
        expected = takeBlock(expected, block, block.size);
      }
    }
  }
  if (!isSame(state.machine, expected)) {
    throw new Error('[memorymanager] the expected machine state is different from the real one');
  }
  return state;
}

/** Whether two states mean the same: among nodes that blocks span it does not matter on which of them a byte was counted. */
function isSame(a: MachineMemory, b: MachineMemory): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([id, one]) => {
    const other = b.get(id);
    if (!other || one.assignments !== other.assignments || one.tables.size !== other.tables.size) return false;
    if (ascending(one.cells).join() !== ascending(other.cells).join()) return false;
    return [...one.tables].every(([kind, table]) => {
      const wanted = other.tables.get(kind);
      if (!wanted) return false;
      const sum = (machine: MachineMemory, part: 'free' | 'reserved') =>
        one.cells.reduce((total, cell) => total + (machine.get(cell)?.tables.get(kind)?.[part] ?? 0n), 0n);
      return (
        table.total === wanted.total &&
        table.systemReserved === wanted.systemReserved &&
        table.allocatable === wanted.allocatable &&
        sum(a, 'free') === sum(b, 'free') &&
        sum(a, 'reserved') === sum(b, 'reserved')
      );
    });
  });
}
