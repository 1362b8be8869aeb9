interface Named {
  readonly name: string;
}

/** Up to this many items looking at each one costs less than an index. */
const FEW = 32;
const indexes = new WeakMap<readonly Named[], ReadonlyMap<string, readonly Named[]>>();

function indexOf<T extends Named>(list: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const known = indexes.get(list);
  if (known) return known as ReadonlyMap<string, readonly T[]>;
  const index = new Map<string, T[]>();
  for (const item of list) {
    const same = index.get(item.name);
    if (same) same.push(item);
    else index.set(item.name, [item]);
  }
  indexes.set(list, index);
  return index;
}

/**
 * All items of that name, in the order of the list. A long list is indexed once, for as long as it lives: it must not be changed. A Pod may
 * have thousands of containers, and a turn that looks for each of them among all the others holds up every Pod of the node.
 */
export function allNamed<T extends Named>(list: readonly T[] | undefined, name: string): readonly T[] {
  if (!list) return [];
  return list.length <= FEW ? list.filter((item) => item.name === name) : (indexOf(list).get(name) ?? []);
}

/** The first item of that name; see `allNamed`. */
export function named<T extends Named>(list: readonly T[] | undefined, name: string): T | undefined {
  if (!list) return undefined;
  return list.length <= FEW ? list.find((item) => item.name === name) : indexOf(list).get(name)?.[0];
}
