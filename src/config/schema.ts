// The words in which the tables of configuration fields are written. Types, defaults, checks, `/configz`, `--help` and the
// generated documentation all come from the same rows.

/**
 * What setting a field does in this program: `supported` works as in kubelet 1.36; `accepted` is known and checked but not yet
 * acted on (a warning says so); `no-effect` does nothing in kubelet 1.36 either; `different` does something there and nothing here, on
 * purpose: docs/differences.md names it with the reason.
 */
export type Support = 'supported' | 'accepted' | 'no-effect' | 'different';

/** What a row says besides its type and default. */
export interface FieldOptions<T> {
  readonly support?: Support;
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly string[];
  /** Values that this program does as kubelet 1.36 does, though not the others: they are not warned of. */
  readonly done?: readonly T[];
  /** What is wrong with the value, as the end of a sentence ("must be …"); undefined when nothing is. */
  check?(value: T): string | undefined;
  /** Explicit zero counts as unset and gives the default: Go cannot tell the two apart in a field that is no pointer. */
  readonly zeroIsUnset?: boolean;
  /** A bare number is a duration in nanoseconds (logging.flushFrequency, for old files). */
  readonly numberIsNanoseconds?: boolean;
  /** A path: a relative one in a file starts at the directory of the file. */
  readonly relativeToFile?: boolean;
  /** The value must not be printed or served (header values). */
  readonly secret?: boolean;
}

/** The kinds of value a field can hold; `object` and `list` hold rows again. */
export type FieldKind =
  | 'bool'
  | 'int32'
  | 'int64'
  | 'float'
  | 'string'
  | 'duration'
  | 'quantity'
  | 'strings'
  | 'ints'
  | 'stringMap'
  | 'boolMap'
  | 'headerMap'
  | 'object'
  | 'list';

/** One field: a row of a table. `T` is its type in the program. */
export interface Field<T> extends FieldOptions<T> {
  readonly kind: FieldKind;
  readonly doc: string;
  /** Undefined: unset unless given. */
  readonly fallback: T;
  readonly fields?: Fields;
  /** Keys that a row of a list must have. */
  readonly required?: readonly string[];
  /** Of a nested object: there is none unless it is given. */
  readonly absentUnlessGiven?: boolean;
}

/** A table of fields by name. */
// biome-ignore lint/suspicious/noExplicitAny: a table mixes value types; each row keeps its own through `Infer`.
export type Fields = { readonly [name: string]: Field<any> };

/** The type of the object that a table describes. */
export type Infer<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

const row =
  <Base>(kind: FieldKind) =>
  /** A default of `undefined as Base | undefined` makes a field that is absent unless given. */
  <T extends Base | undefined>(fallback: T, doc: string, options: FieldOptions<Base> = {}) =>
    ({ kind, fallback, doc, ...options }) as Field<Base | (T extends undefined ? undefined : never)>;

export const bool = row<boolean>('bool');
export const int32 = row<number>('int32');
export const int64 = row<number>('int64');
export const float = row<number>('float');
export const str = row<string>('string');
/** A duration: Go notation in files and flags, milliseconds in the program. */
export const duration = row<number>('duration');
/** A resource quantity such as `10Mi`, kept as text. */
export const quantity = row<string>('quantity');
export const strings = row<readonly string[]>('strings');
export const ints = row<readonly number[]>('ints');
export const stringMap = row<Readonly<Record<string, string>>>('stringMap');
export const boolMap = row<Readonly<Record<string, boolean>>>('boolMap');
export const headerMap = row<Readonly<Record<string, readonly string[]>>>('headerMap');

/** A nested object that is always there; its default is its fields' defaults. */
export function object<F extends Fields>(fields: F, doc: string): Field<Infer<F>> {
  return { kind: 'object', fallback: undefined as never, doc, fields };
}

/** A nested object that is absent unless given. */
export function optional<F extends Fields>(fields: F, doc: string): Field<Infer<F> | undefined> {
  return { kind: 'object', fallback: undefined, doc, fields, absentUnlessGiven: true };
}

/** A list of objects, empty by default. */
export function list<F extends Fields>(
  fields: F,
  required: readonly (keyof F & string)[],
  doc: string,
  options: FieldOptions<readonly Infer<F>[]> = {},
): Field<readonly Infer<F>[]> {
  return { kind: 'list', fallback: [], doc, fields, required, ...options };
}

/** True for a nested object that is absent unless given. */
export function isOptionalObject(field: Field<unknown>): boolean {
  return field.kind === 'object' && field.absentUnlessGiven === true;
}

/** Every leaf of a table with its dotted path, in the order of the table; a list counts as one leaf. */
export function leaves(fields: Fields, prefix = ''): { path: string; field: Field<unknown> }[] {
  return Object.entries(fields).flatMap(([name, field]) =>
    field.kind === 'object' ? leaves(field.fields ?? {}, `${prefix}${name}.`) : [{ path: prefix + name, field }],
  );
}
