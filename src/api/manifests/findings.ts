import { goQuote } from '../../k8s/goText.ts';
import type { FieldPath } from './fieldPath.ts';

/** One thing that is wrong with an object: where, and the API's words for it. */
export interface Finding {
  readonly path: FieldPath;
  /** Without the path: `Required value`. */
  readonly message: string;
}

/** More findings than this about one object help nobody. */
const MAX_FINDINGS = 20;
const MAX_SHOWN = 300;

/** Collects findings in the words of the API server (apimachinery: util/validation/field). */
export class Findings {
  readonly list: Finding[] = [];

  add(path: FieldPath, message: string): void {
    if (this.list.length < MAX_FINDINGS) this.list.push({ path, message });
  }

  required(path: FieldPath, detail = ''): void {
    this.add(path, detail === '' ? 'Required value' : `Required value: ${detail}`);
  }

  invalid(path: FieldPath, value: unknown, detail: string): void {
    this.add(path, `Invalid value: ${shownValue(value)}: ${detail}`);
  }

  /** One finding for each reason why the value is invalid. */
  invalidAll(path: FieldPath, value: unknown, details: readonly string[]): void {
    for (const detail of details) this.invalid(path, value, detail);
  }

  duplicate(path: FieldPath, value: unknown): void {
    this.add(path, `Duplicate value: ${shownValue(value)}`);
  }

  notFound(path: FieldPath, value: unknown): void {
    this.add(path, `Not found: ${shownValue(value)}`);
  }

  forbidden(path: FieldPath, detail: string): void {
    this.add(path, `Forbidden: ${detail}`);
  }

  tooLong(path: FieldPath, bytes: number): void {
    this.add(path, `Too long: may not be more than ${bytes} bytes`);
  }

  /** Reports a value that is none of `allowed`; an absent one counts as the empty string. */
  oneOf(path: FieldPath, value: string | undefined, allowed: readonly string[]): void {
    if (allowed.includes(value ?? '')) return;
    this.add(
      path,
      `Unsupported value: ${shownValue(value ?? '')}: supported values: ${allowed.map(goQuote).join(', ')}`,
    );
  }

  /** Reports a number outside [min, max]; undefined passes. */
  range(path: FieldPath, value: number | undefined, min: number, max: number): void {
    if (value === undefined || (value >= min && value <= max)) return;
    this.invalid(path, value, `must be between ${min} and ${max}, inclusive`);
  }

  notNegative(path: FieldPath, value: number | undefined): void {
    if (value !== undefined && value < 0) this.invalid(path, value, 'must be greater than or equal to 0');
  }
}

/** A value as the API's errors print it, cut when it is long. */
export function shownValue(value: unknown): string {
  const text = typeof value === 'string' ? goQuote(value.slice(0, MAX_SHOWN)) : (JSON.stringify(value) ?? 'null');
  return text.length > MAX_SHOWN + 40 ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
