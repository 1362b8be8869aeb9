import { KubeletError } from '../../errors.ts';

/** A value of D-Bus type `v`: it carries its own type. */
export interface Variant {
  readonly signature: string;
  readonly value: DBusValue;
}

/** D-Bus values: 64-bit numbers are bigints, `ay` is bytes, arrays, structs and dict entries are lists. */
export type DBusValue = string | number | bigint | boolean | Uint8Array | Variant | readonly DBusValue[];

/** Alignment in bytes by type code (D-Bus specification, "Summary of D-Bus marshalling"). */
export const ALIGNMENT: Readonly<Record<string, number>> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  s: 4,
  o: 4,
  a: 4,
  x: 8,
  t: 8,
  d: 8,
  '(': 8,
  '{': 8,
};

/** Deeper nesting than this is refused, as by the specification: a peer cannot exhaust our stack. */
const MAX_DEPTH = 64;

/** Splits a signature into its complete types: `sa(sv)` → `s`, `a(sv)`. Throws KubeletError `DBus` on one that is none. */
export function completeTypes(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at, 0);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, at: number, depth: number): number {
  const code = signature[at];
  if (code === undefined || ALIGNMENT[code] === undefined || depth > MAX_DEPTH) throw invalid(signature);
  if (code === 'a') return endOfType(signature, at + 1, depth + 1);
  if (code !== '(' && code !== '{') return at + 1;
  const close = code === '(' ? ')' : '}';
  let end = at + 1;
  while (signature[end] !== close) end = endOfType(signature, end, depth + 1);
  if (end === at + 1) throw invalid(signature);
  return end + 1;
}

function invalid(signature: string): KubeletError {
  return new KubeletError(`${JSON.stringify(signature)} is no D-Bus signature`, { code: 'DBus' });
}
