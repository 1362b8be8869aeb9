// The text that Go programs of Kubernetes hash a value by: what go-spew prints of it for `%#v`, with sorted keys and without methods.
// Checksums of the kubelet's state files are made of it, so Go's names of types are part of them.

/** A Go type, as far as its values look different in the text. Structs name their fields twice: in Go, and in JSON. */
export type GoType =
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'cpuSet' }
  | { readonly kind: 'pointer'; readonly to: GoType }
  | { readonly kind: 'slice'; readonly of: GoType; readonly name?: string }
  | {
      readonly kind: 'map';
      readonly key: GoType;
      readonly of: GoType;
      readonly name?: string;
      /** How an absent one is meant: kubelet makes some maps before it reads a file. Default: nil. */
      readonly absent?: 'empty';
    }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly GoField[] };

/** A struct's field: its name in Go, its name in JSON, its type. */
export type GoField = readonly [goName: string, jsonName: string, type: GoType];

/** A string, number or boolean type; `name` as Go prints it, with its package. */
export const scalar = (name: string): GoType => ({ kind: 'scalar', name });

/**
 * Go's text of a value, which has the form of its JSON: nil is null, []byte base64, a CPU set a list such as `0-2,5`. Integers may be
 * numbers, bigints or digits. A value of another form gives some text, and so a checksum that does not fit.
 */
export function goDump(type: GoType, value: unknown): string {
  return dump(type, value, true);
}

/** What Go calls a type. */
function typeName(type: GoType): string {
  switch (type.kind) {
    case 'scalar':
    case 'struct':
      return type.name;
    case 'bytes':
      return '[]uint8';
    case 'cpuSet':
      return 'cpuset.CPUSet';
    case 'pointer':
      return `*${typeName(type.to)}`;
    case 'slice':
      return type.name ?? `[]${typeName(type.of)}`;
    case 'map':
      return type.name ?? `map[${typeName(type.key)}]${typeName(type.of)}`;
  }
}

function dump(type: GoType, value: unknown, withType: boolean): string {
  if (type.kind === 'pointer') return pointer(type, value, withType);
  return (withType ? `(${typeName(type)})` : '') + content(type, value);
}

/** Where no type is printed, stars say how often a pointer was followed. */
function pointer(type: GoType & { kind: 'pointer' }, value: unknown, withType: boolean): string {
  const nil = value === null || value === undefined;
  if (nil) return withType ? `(${typeName(type)})<nil>` : '<nil>';
  return (withType ? `(${typeName(type)})` : '<*>') + content(type.to, value);
}

function content(type: Exclude<GoType, { kind: 'pointer' }> | GoType, value: unknown): string {
  switch (type.kind) {
    case 'scalar':
      return value === undefined || value === null ? zeroOf(type.name) : String(value);
    case 'bytes':
      return value === undefined || value === null
        ? '<nil>'
        : `[${[...Buffer.from(String(value), 'base64')].join(' ')}]`;
    case 'cpuSet':
      return `{elems:(map[int]struct {})map[${cpusOf(String(value ?? ''))
        .map((cpu) => `${cpu}:{}`)
        .join(' ')}]}`;
    case 'slice':
      return Array.isArray(value) ? `[${value.map((item) => dump(type.of, item, false)).join(' ')}]` : '<nil>';
    case 'map':
      return map(type, value);
    case 'struct': {
      const fields = (value ?? {}) as Readonly<Record<string, unknown>>;
      return `{${type.fields.map(([goName, name, inner]) => `${goName}:${dump(inner, fields[name], true)}`).join(' ')}}`;
    }
    case 'pointer':
      throw new Error('a pointer to a pointer is not known');
  }
}

function map(type: GoType & { kind: 'map' }, value: unknown): string {
  if (value === undefined && type.absent === 'empty') return 'map[]';
  if (typeof value !== 'object' || value === null) return '<nil>';
  const numeric = /^u?int/.test(typeName(type.key));
  const order = numeric ? byNumber : byBytes;
  const entries = Object.entries(value).sort(([a], [b]) => order(a, b));
  return `map[${entries.map(([key, inner]) => `${key}:${dump(type.of, inner, false)}`).join(' ')}]`;
}

const byNumber = (a: string, b: string) => Number(a) - Number(b);
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function zeroOf(name: string): string {
  if (name === 'bool') return 'false';
  return /^(?:u?int\d*|checksum\.Checksum)$/.test(name) ? '0' : '';
}

/** The CPUs of a list such as `0-2,5`, ascending. */
function cpusOf(list: string): number[] {
  const cpus = list
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      if (!(last - first < MAX_CPUS)) return [];
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
  return [...new Set(cpus)].sort((a, b) => a - b);
}
/** More than the kernel can have. */
const MAX_CPUS = 65_536;

/** FNV-1a, 32 bits, of the text's UTF-8. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
