import { qualifiedNameErrors } from '../../k8s/nameValidation.ts';

/** Whether this is a qualified name: optional DNS subdomain and '/', then a name of at most 63 characters. */
export function isLabelKey(key: string): boolean {
  return qualifiedNameErrors(key).length === 0;
}

/** Whether this may stand as the value of a label: empty, or at most 63 characters of a name. */
export function isLabelValue(value: string): boolean {
  return value === '' || /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(value);
}
