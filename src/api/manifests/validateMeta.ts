import { byteLength } from '../../k8s/goText.ts';
import { dnsLabelErrors, dnsSubdomainErrors, qualifiedNameErrors } from '../../k8s/nameValidation.ts';
import type { ObjectMeta } from '../../types/k8s.ts';
import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';

const MAX_ANNOTATIONS = 256 * 1024;
const LABEL_VALUE = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?';
const LABEL_VALUE_PATTERN = new RegExp(`^${LABEL_VALUE}$`);

/** Checks names, labels and annotations of an object in a namespace. */
export function validateMeta(meta: ObjectMeta, path: FieldPath, findings: Findings): void {
  const { name = '', namespace = '' } = meta;
  if (name === '') findings.required(path.child('name'), 'name or generateName is required');
  else findings.invalidAll(path.child('name'), name, dnsSubdomainErrors(name));
  if (namespace !== '') findings.invalidAll(path.child('namespace'), namespace, dnsLabelErrors(namespace));
  validateLabels(meta.labels, path.child('labels'), findings);
  validateAnnotations(meta.annotations, path.child('annotations'), findings);
  if (meta.uid !== undefined && !/^[A-Za-z0-9-]{1,64}$/.test(meta.uid)) {
    // It becomes a directory name and a part of cgroup names.
    findings.invalid(path.child('uid'), meta.uid, "must be at most 64 letters, digits and '-'");
  }
}

/** Checks a map of labels. */
export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    findings.invalidAll(path, key, qualifiedNameErrors(key));
    findings.invalidAll(path, value, labelValueErrors(value));
  }
}

function labelValueErrors(value: string): string[] {
  const errors = byteLength(value) > 63 ? ['must be no more than 63 bytes'] : [];
  if (!LABEL_VALUE_PATTERN.test(value)) {
    errors.push(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with " +
        `an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${LABEL_VALUE}')`,
    );
  }
  return errors;
}

function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    findings.invalidAll(path, key, qualifiedNameErrors(key.toLowerCase()));
    size += byteLength(key) + byteLength(value);
  }
  if (size > MAX_ANNOTATIONS) findings.tooLong(path, MAX_ANNOTATIONS);
}
