/** A value that shares what it can with an earlier one, and what it weighs. */
export interface Shared<T> {
  readonly value: T;
  /** Bytes of memory that the value has beyond what it shares with the earlier one. */
  readonly added: number;
  /** Bytes of memory of the whole value. */
  readonly full: number;
}

/** Bytes of an object or list itself, and of each place in it: about what V8 takes. */
const OBJECT_BYTES = 48;
const PLACE_BYTES = 16;
/** A longer text that stays the same is kept in its earlier copy; of a shorter one the copy costs less than the look. */
const LONG_TEXT = 64;
/** Parts so near the top, if they weigh something, are remembered with their weights: they come again as the same objects. */
const REMEMBERED_DEPTH = 4;
const REMEMBERED_BYTES = 1024;
/** What is nested deeper is taken as it is; the API has nothing of the kind. */
const MAX_DEPTH = 100;
const DEEP_BYTES = 65_536;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Makes values of a history share their unchanged parts. A watch event, a read of the runtime and a turn of the rules make all objects
 * anew, and nearly all of them say what the last ones said. Values are JSON-like trees that nobody changes any more; the answers equal
 * them, keys in the same order, and must not be changed either. An object that was given before takes no time, any other in proportion
 * to its size.
 */
export class Sharer {
  // Both hold their keys weakly: nothing stays here that is not in use elsewhere.
  readonly #weights = new WeakMap<object, number>();
  readonly #twins = new WeakMap<object, Fields>();
  // Of the walk under way: one object less for each part of it.
  #added = 0;
  #full = 0;

  /** `after`, built of parts of `before` where these are equal. */
  share<T>(before: unknown, after: T): Shared<T> {
    this.#added = 0;
    this.#full = 0;
    const value = this.#part(before, after, 0) as T;
    return { value, added: this.#added, full: this.#full };
  }

  #part(before: unknown, after: unknown, depth: number): unknown {
    if (isTree(after)) return this.#tree(before, after, depth);
    const bytes = typeof after === 'string' ? textBytes(after) : 0;
    this.#full += bytes;
    if (Object.is(before, after)) return before;
    this.#added += bytes;
    return after;
  }

  #tree(before: unknown, given: Fields, depth: number): Fields {
    if (depth > MAX_DEPTH) {
      this.#weighed(DEEP_BYTES, DEEP_BYTES);
      return given;
    }
    const old = isTree(before) && Array.isArray(before) === Array.isArray(given) ? before : undefined;
    if (depth > REMEMBERED_DEPTH) return this.#fields(old, given, depth);
    const after = this.#twins.get(given) ?? given;
    const known = this.#weights.get(after);
    if (known !== undefined && (old === undefined || after === old)) {
      this.#weighed(old === undefined ? known : 0, known);
      return after;
    }
    const start = this.#full;
    const value = this.#fields(old, after, depth);
    if (this.#full - start >= REMEMBERED_BYTES) {
      this.#weights.set(value, this.#full - start);
      if (given !== value) this.#twins.set(given, value);
    }
    return value;
  }

  #fields(before: Fields | undefined, after: Fields, depth: number): Fields {
    const keys = Object.keys(after);
    const added = this.#added;
    this.#weighed(OBJECT_BYTES + PLACE_BYTES * keys.length, OBJECT_BYTES + PLACE_BYTES * keys.length);
    let same = before !== undefined && sameKeys(before, keys);
    let made: Record<string, unknown> | undefined;
    for (const key of keys) {
      const [old, given] = [before?.[key], after[key]];
      const value = this.#part(old, given, depth + 1);
      if (!Object.is(value, old)) same = false;
      const otherCopy = typeof value === 'string' && value.length > LONG_TEXT && value === old;
      if (otherCopy || !Object.is(value, given)) {
        made ??= Array.isArray(after) ? (after.slice() as never) : { ...after };
        made[key] = value;
      }
    }
    if (!same) return made ?? after;
    this.#added = added;
    return before as Fields;
  }

  #weighed(added: number, full: number): void {
    this.#added += added;
    this.#full += full;
  }
}

function isTree(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    Array.isArray(value) ||
    Object.prototype.toString.call(value) === '[object Object]'
  );
}

function sameKeys(before: Fields, keys: readonly string[]): boolean {
  const old = Object.keys(before);
  return old.length === keys.length && keys.every((key, i) => key === old[i]);
}

/** At least what V8 takes, which is one or two bytes a character. */
function textBytes(text: string): number {
  return text.length <= LONG_TEXT ? 16 + 2 * text.length : 16 + Buffer.byteLength(text);
}
