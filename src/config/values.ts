import { formatDuration, parseDuration } from '../k8s/duration.ts';
import type { Field, FieldKind } from './schema.ts';

/** A value read for a field: what the program uses, or the end of a sentence ("must be …") that says what is wrong. */
export type Reading = { readonly value: unknown } | { readonly problem: string };

const wrong = (problem: string): Reading => ({ problem });
const isRecord = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw);
const QUANTITY = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?$/;

/** Readers of the kinds that are leaves: the type only, no range. */
const READERS: Record<Exclude<FieldKind, 'object' | 'list'>, (raw: unknown, field: Field<unknown>) => Reading> = {
  bool: (raw) => (typeof raw === 'boolean' ? { value: raw } : wrong('must be true or false')),
  int32: (raw) => integer(raw, -(2 ** 31), 2 ** 31 - 1),
  int64: (raw) => integer(raw, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  float: (raw) => (typeof raw === 'number' && Number.isFinite(raw) ? { value: raw } : wrong('must be a number')),
  string: (raw) => (typeof raw === 'string' ? { value: raw } : wrong(`must be a string${quoteHint(raw)}`)),
  duration: (raw, field) => {
    if (typeof raw === 'number' && field.numberIsNanoseconds) return { value: raw / 1e6 };
    const ms = typeof raw === 'string' ? parseDuration(raw) : undefined;
    return ms === undefined ? wrong("must be a duration such as '1m30s' (units ns, us, ms, s, m, h)") : { value: ms };
  },
  quantity: (raw) => {
    const text = typeof raw === 'number' ? String(raw) : raw;
    if (typeof text === 'string' && QUANTITY.test(text)) return { value: text };
    return wrong("must be a quantity such as '10Mi' or '500m'");
  },
  strings: (raw) => listOf(raw, 'a list of strings', (item) => typeof item === 'string'),
  ints: (raw) => listOf(raw, 'a list of integers', Number.isInteger),
  stringMap: (raw) => mapOf(raw, 'strings (quote numbers)', (v) => typeof v === 'string'),
  boolMap: (raw) => mapOf(raw, 'true or false', (v) => typeof v === 'boolean'),
  headerMap: (raw) =>
    mapOf(raw, 'lists of strings', (v) => Array.isArray(v) && v.every((item) => typeof item === 'string')),
};

/** Reads the raw value (as YAML, JSON or a flag gave it) of a leaf: type, then range, then the row's own check. */
export function readLeaf(field: Field<unknown>, raw: unknown): Reading {
  const reading = READERS[field.kind as keyof typeof READERS](raw, field);
  if ('problem' in reading) return wrong(reading.problem + shown(field, raw));
  const problem = outOfRange(field, reading.value) ?? field.check?.(reading.value as never);
  return problem === undefined ? reading : wrong(problem + shown(field, raw));
}

/** True for an explicit value that counts as unset in this field: null, and zero where Go cannot tell the two apart. */
export function isUnset(field: Field<unknown>, raw: unknown): boolean {
  if (raw === null || raw === undefined) return true;
  if (!field.zeroIsUnset) return false;
  return field.kind === 'duration' ? typeof raw === 'string' && parseDuration(raw) === 0 : raw === 0 || raw === '';
}

function outOfRange(field: Field<unknown>, value: unknown): string | undefined {
  const { min, max, oneOf } = field;
  if (oneOf && !oneOf.includes(value as string)) {
    return `must be one of ${oneOf.map((option) => `"${option}"`).join(', ')}`;
  }
  if (typeof value !== 'number') return undefined;
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return undefined;
  const text = (n: number) => (field.kind === 'duration' ? formatDuration(n) : String(n));
  if (min !== undefined && max !== undefined) return `must be between ${text(min)} and ${text(max)}`;
  return min === undefined ? `must be at most ${text(max!)}` : `must be at least ${text(min)}`;
}

function integer(raw: unknown, min: number, max: number): Reading {
  if (Number.isInteger(raw) && (raw as number) >= min && (raw as number) <= max) return { value: raw };
  return wrong(Number.isInteger(raw) ? `must be an integer between ${min} and ${max}` : 'must be an integer');
}

function listOf(raw: unknown, what: string, fits: (item: unknown) => boolean): Reading {
  return Array.isArray(raw) && raw.every(fits) ? { value: raw } : wrong(`must be ${what}`);
}

function mapOf(raw: unknown, values: string, fits: (value: unknown) => boolean): Reading {
  if (!isRecord(raw)) return wrong(`must be a map with values that are ${values}`);
  const odd = Object.entries(raw).find(([, value]) => !fits(value));
  return odd ? wrong(`must hold values that are ${values}, and "${odd[0]}" is not`) : { value: raw };
}

function quoteHint(raw: unknown): string {
  return typeof raw === 'number' || typeof raw === 'boolean' ? `; put quotes around ${raw}` : '';
}

/** `, not "5"`, for values that are short enough and no secret. */
function shown(field: Field<unknown>, raw: unknown): string {
  const text = JSON.stringify(raw) ?? '';
  return field.secret || text.length > 80 ? '' : `, not ${text}`;
}
