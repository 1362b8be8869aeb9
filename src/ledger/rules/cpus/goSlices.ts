/** What a callback of `eachCombination` answers to end it. */
export const STOP = Symbol('stop');

/**
 * Calls back with every combination of `size` elements, in kubelet's order. Kubelet keeps some of them, and appends to slices that share
 * their memory: a combination that was kept changes when the next one is made in the same place. What it then allocates follows the
 * changed one, so this does as Go's slices do (they double their capacity).
 */
export function eachCombination(
  elements: readonly number[],
  size: number,
  call: (combination: Slice) => typeof STOP | undefined,
): void {
  const extend = (left: number, from: number, made: Slice): typeof STOP | undefined => {
    if (left === 0) return call(made);
    for (let i = from; i <= elements.length - left; i++) {
      if (extend(left - 1, i + 1, made.append(elements[i]!)) === STOP) return STOP;
    }
    return undefined;
  };
  if (size >= 1) extend(size, 0, new Slice({ cells: [], capacity: 0 }, 0));
}

/** The first elements of an array that others may see more of, or overwrite. */
export class Slice {
  readonly #array: { readonly cells: number[]; readonly capacity: number };
  readonly length: number;

  constructor(array: { readonly cells: number[]; readonly capacity: number }, length: number) {
    this.#array = array;
    this.length = length;
  }

  append(element: number): Slice {
    const { cells, capacity } = this.#array;
    const array =
      this.length < capacity
        ? this.#array
        : { cells: cells.slice(0, this.length), capacity: Math.max(1, 2 * capacity) };
    array.cells[this.length] = element;
    return new Slice(array, this.length + 1);
  }

  /** The elements as they are now. */
  values(): readonly number[] {
    return this.#array.cells.slice(0, this.length);
  }
}
