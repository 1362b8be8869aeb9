import { Random } from '../../src/lib/fake/random.ts';

/** A change of the source. Lines begin at 1, columns at 0. */
export interface Mutation {
  readonly file: string;
  readonly mutator: string;
  readonly replacement: string;
  readonly location: Range;
}

/** From the first character to behind the last one. */
export interface Range {
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

/** `count` of them, the same for the same seed. */
export function sampleOf<T>(all: readonly T[], count: number, seed: number): T[] {
  const random = new Random(seed);
  const rest = [...all];
  const taken: T[] = [];
  while (taken.length < count && rest.length > 0) {
    const at = random.int(rest.length);
    taken.push(rest[at]!);
    rest[at] = rest.at(-1)!;
    rest.pop();
  }
  return taken;
}

/** The place of a change as Stryker's option `mutate` names it. */
export function rangeOf({ file, location: { start, end } }: Mutation): string {
  return `${file}:${start.line}:${start.column}-${end.line}:${end.column}`;
}

/** Equal for one and the same change, and for no other. */
export function keyOf({ file, mutator, replacement, location }: Mutation): string {
  return JSON.stringify([file, mutator, replacement, location]);
}
