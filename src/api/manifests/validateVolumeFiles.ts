import type { Volume } from '../../types/k8s.ts';
import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';
import { validateLocalPath } from './localPath.ts';
import { validateResourceField } from './validateResources.ts';

const MAX_MODE = 0o777;

/** A file in a volume that is made of an API object. */
interface Item {
  readonly key?: string;
  readonly path?: string;
  readonly mode?: number;
}

/** The files that a volume is made of, and the mode of those that have none. */
export function files(
  defaultMode: number | undefined,
  items: readonly Item[] | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  mode(defaultMode, path.child('defaultMode'), findings);
  for (const [index, item] of (items ?? []).entries()) {
    const at = path.child('items').index(index);
    if (!item.key) findings.required(at.child('key'));
    filePath(item.path, at.child('path'), findings);
    mode(item.mode, at.child('mode'), findings);
  }
}

/** Where a file is in its volume. */
export function filePath(value: string | undefined, path: FieldPath, findings: Findings): void {
  if (!value) findings.required(path);
  else {
    validateLocalPath(value, path, findings);
    if (value.startsWith('..') && !value.startsWith('../')) findings.invalid(path, value, "must not start with '..'");
  }
}

/** The mode of a file. */
export function mode(value: number | undefined, path: FieldPath, findings: Findings): void {
  if (value === undefined || (value >= 0 && value <= MAX_MODE)) return;
  findings.invalid(path, value, 'must be a number between 0 and 0777 (octal), both inclusive');
}

type DownwardItems = NonNullable<Volume['downwardAPI']>['items'];

/** The files of a downward API volume. */
export function downwardItems(items: DownwardItems, path: FieldPath, findings: Findings): void {
  for (const [index, item] of (items ?? []).entries()) {
    const at = path.index(index);
    filePath(item.path, at.child('path'), findings);
    mode(item.mode, at.child('mode'), findings);
    const { fieldRef, resourceFieldRef } = item;
    if (fieldRef && resourceFieldRef)
      findings.invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
    else if (fieldRef) validateFieldPath(fieldRef.fieldPath ?? '', at.child('fieldRef', 'fieldPath'), findings);
    else if (!resourceFieldRef)
      findings.required(at.child('fieldRef'), 'one of fieldRef and resourceFieldRef is required');
    else {
      if (!resourceFieldRef.containerName) findings.required(at.child('resourceFieldRef', 'containerName'));
      validateResourceField(resourceFieldRef.resource, at.child('resourceFieldRef', 'resource'), findings);
    }
  }
}

const DOWNWARD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.labels',
  'metadata.annotations',
  'metadata.uid',
];

function validateFieldPath(fieldPath: string, path: FieldPath, findings: Findings): void {
  if (fieldPath === '') findings.required(path);
  else if (!/^metadata\.(labels|annotations)\['[^']+'\]$/.test(fieldPath))
    findings.oneOf(path, fieldPath, DOWNWARD_PATHS);
}
