import { nearest } from '../lib/nearest.ts';
import { type Field, type Fields, isOptionalObject } from './schema.ts';
import { isUnset, readLeaf } from './values.ts';

type Path = readonly (string | number)[];
/** Called with each problem: where in the value, and the end of a sentence. */
export type Report = (path: Path, sentence: string) => void;

const isRecord = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw);

/** Checks a raw object (one file) against a table: unknown fields, types and ranges. */
export function checkObject(fields: Fields, raw: Record<string, unknown>, report: Report, path: Path = []): void {
  for (const [name, value] of Object.entries(raw)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field) checkField(field, value, report, [...path, name]);
    else report([...path, name], unknownField(fields, name));
  }
}

function unknownField(fields: Fields, name: string): string {
  const near = nearest(name, Object.keys(fields));
  if (near) return `is not a field of KubeletConfiguration; did you mean ${near}?`;
  const names = Object.keys(fields);
  const allowed = names.length <= 12 ? ` Allowed here: ${names.join(', ')}.` : '';
  return `is not a field of KubeletConfiguration.${allowed}`;
}

function checkField(field: Field<unknown>, raw: unknown, report: Report, path: Path): void {
  if (isUnset(field, raw)) return;
  if (field.kind === 'object') {
    if (isRecord(raw)) checkObject(field.fields ?? {}, raw, report, path);
    else report(path, `must be a map with the fields ${Object.keys(field.fields ?? {}).join(', ')}`);
  } else if (field.kind === 'list') {
    if (Array.isArray(raw)) for (const [index, item] of raw.entries()) checkItem(field, item, report, [...path, index]);
    else report(path, 'must be a list');
  } else {
    const reading = readLeaf(field, raw);
    if ('problem' in reading) report(path, reading.problem);
  }
}

function checkItem(field: Field<unknown>, item: unknown, report: Report, path: Path): void {
  if (!isRecord(item)) {
    report(path, `must be a map with the fields ${Object.keys(field.fields ?? {}).join(', ')}`);
    return;
  }
  checkObject(field.fields ?? {}, item, report, path);
  for (const name of field.required ?? []) {
    if (item[name] === undefined || item[name] === null) report(path, `must have the field ${name}`);
  }
}

/** Turns a checked raw object into the program's form: defaults filled in, durations in milliseconds. */
export function complete<F extends Fields>(fields: F, raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const given = raw[name];
    if (field.kind === 'object') {
      const absent = given === undefined || given === null;
      if (!(absent && isOptionalObject(field))) out[name] = complete(field.fields ?? {}, isRecord(given) ? given : {});
    } else if (isUnset(field, given)) {
      if (field.fallback !== undefined) out[name] = field.fallback;
    } else if (field.kind === 'list') {
      out[name] = (given as Record<string, unknown>[]).map((item) => complete(field.fields ?? {}, item));
    } else {
      const reading = readLeaf(field, given);
      if ('value' in reading) out[name] = reading.value;
    }
  }
  return out;
}
