import { nearest } from '../../lib/nearest.ts';
import type { FieldPath } from './fieldPath.ts';
import { type Findings, shownValue } from './findings.ts';
import { SHAPES } from './generated/shapes.ts';

type Json = Record<string, unknown>;
/** What conforming collects: findings that refuse the object, and fields that were left out. */
export interface Conformance {
  readonly findings: Findings;
  /** Fields that API 1.36 does not know: left out, as the API server does. */
  readonly unknown: { readonly path: FieldPath; readonly message: string }[];
}

const INT_LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  // An int64 beyond this cannot be held exactly by a JSON number here.
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};
/** An exponent of more than two digits is no resource but a way to exhaust memory. */
const QUANTITY = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2}|[KMGTPE]i|[numkMGTPE])?$/;
const MAX_QUANTITY_LENGTH = 64;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const shapes = new Map<string, ReadonlyMap<string, string>>();

/**
 * A copy of `raw` with exactly the fields of an API type, every value of the right type: nulls and unknown fields left out, quantities
 * as text. Wrong types become findings (and are left out too, so that later steps can rely on the types).
 */
export function conform(shape: string, raw: unknown, path: FieldPath, out: Conformance): Json {
  if (!isJson(raw)) {
    out.findings.invalid(path, raw, 'must be a map');
    return {};
  }
  const fields = fieldsOf(shape);
  const result: Json = {};
  for (const [name, value] of Object.entries(raw)) {
    const type = fields.get(name);
    if (type === undefined) noteUnknown(name, fields, path, out);
    else if (value !== null && value !== undefined && type !== 'any') {
      const read = readValue(type, value, path.child(name), out);
      if (read !== undefined) result[name] = read;
    }
  }
  return result;
}

function noteUnknown(name: string, fields: ReadonlyMap<string, string>, path: FieldPath, out: Conformance): void {
  if (out.unknown.length >= 20) return;
  const near = nearest(name.slice(0, 64), fields.keys());
  out.unknown.push({
    path: path.child(name.slice(0, 64)),
    message: `unknown field${near ? `; did you mean ${near}?` : ''}`,
  });
}

function fieldsOf(shape: string): ReadonlyMap<string, string> {
  let fields = shapes.get(shape);
  if (!fields) {
    fields = new Map((SHAPES[shape] ?? '').split(' ').map((pair) => pair.split(':') as [string, string]));
    shapes.set(shape, fields);
  }
  return fields;
}

function readValue(type: string, value: unknown, path: FieldPath, out: Conformance): unknown {
  if (type.startsWith('[]')) return readList(type.slice(2), value, path, out);
  if (type.startsWith('{}')) return readMap(type.slice(2), value, path, out);
  const reader = READERS[type];
  if (!reader) return conform(type, value, path, out);
  const read = reader(value);
  if ('value' in read) return read.value;
  out.findings.invalid(path, value, read.detail);
  return undefined;
}

function readList(type: string, value: unknown, path: FieldPath, out: Conformance): unknown[] | undefined {
  if (!Array.isArray(value)) {
    out.findings.invalid(path, value, 'must be a list');
    return undefined;
  }
  const items: unknown[] = [];
  for (const [index, item] of value.entries()) {
    const read = readValue(type, item, path.index(index), out);
    if (read !== undefined) items.push(read);
  }
  return items;
}

function readMap(type: string, value: unknown, path: FieldPath, out: Conformance): Json | undefined {
  if (!isJson(value)) {
    out.findings.invalid(path, value, 'must be a map');
    return undefined;
  }
  const pairs: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const read = item === null ? undefined : readValue(type, item, path.key(key), out);
    if (read !== undefined) pairs.push([key, read]);
  }
  // fromEntries defines own properties whatever the key: `__proto__` stays a key.
  return Object.fromEntries(pairs);
}

type Read = { readonly value: unknown } | { readonly detail: string };
const READERS: Readonly<Record<string, (value: unknown) => Read>> = {
  string: (value) => {
    if (typeof value === 'string') return { value };
    const quotable = typeof value === 'number' || typeof value === 'boolean';
    return { detail: `must be a string${quotable ? `; put quotes around ${shownValue(value)}` : ''}` };
  },
  boolean: (value) => (typeof value === 'boolean' ? { value } : { detail: 'must be true or false' }),
  int32: (value) => integer(value, 'int32'),
  int64: (value) => integer(value, 'int64'),
  intOrString: (value) => (typeof value === 'string' ? { value } : integer(value, 'int32')),
  bytes: (value) => {
    const fits = typeof value === 'string' && /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value);
    return fits ? { value } : { detail: 'must be text in base64' };
  },
  time: (value) => {
    const fits = typeof value === 'string' && RFC3339.test(value) && !Number.isNaN(Date.parse(value));
    return fits ? { value } : { detail: 'must be a time such as "2026-01-31T12:00:00Z"' };
  },
  quantity: (value) => {
    const text = typeof value === 'number' ? String(value) : value;
    const fits = typeof text === 'string' && text.length <= MAX_QUANTITY_LENGTH && QUANTITY.test(text);
    return fits ? { value: text } : { detail: "must be a quantity such as '500m' or '1Gi'" };
  },
};

function integer(value: unknown, type: 'int32' | 'int64'): Read {
  const [min, max] = INT_LIMITS[type]!;
  if (!Number.isInteger(value)) return { detail: 'must be an integer' };
  const fits = (value as number) >= min && (value as number) <= max;
  return fits ? { value } : { detail: `must be an integer between ${min} and ${max}` };
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
