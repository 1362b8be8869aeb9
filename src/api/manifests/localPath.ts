import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';

/** A path inside a volume: relative, and never upwards. */
export function validateLocalPath(value: string, path: FieldPath, findings: Findings): void {
  if (value.startsWith('/')) findings.invalid(path, value, 'must be a relative path');
  if (value.split('/').includes('..')) findings.invalid(path, value, "must not contain '..'");
}
