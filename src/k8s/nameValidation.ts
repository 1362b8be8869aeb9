import { byteLength } from './goText.ts';

// The API's rules for names, with the API's own sentences (apimachinery: util/validation, api/validate/content).

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_PATTERN = new RegExp(`^${LABEL}$`);
const SUBDOMAIN_PATTERN = new RegExp(`^${SUBDOMAIN}$`);
const LABEL_KEY_PATTERN = new RegExp(`^${LABEL_KEY}$`);

const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_KEY_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A DNS name's longest allowed length (RFC 1123), in bytes. */
export const MAX_SUBDOMAIN_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;

/** Why `value` is no DNS label; empty when it is one. */
export function dnsLabelErrors(value: string): string[] {
  const errors = byteLength(value) > MAX_LABEL_LENGTH ? [tooLong(MAX_LABEL_LENGTH, 'characters')] : [];
  if (LABEL_PATTERN.test(value)) return errors;
  if (SUBDOMAIN_PATTERN.test(value)) errors.push('must not contain dots');
  else errors.push(patternError(LABEL_RULE, LABEL, 'my-name', '123-abc'));
  return errors;
}

/** Why `value` is no DNS subdomain; empty when it is one. `unit` is the word that the two upstream packages differ in. */
export function dnsSubdomainErrors(value: string, unit: 'characters' | 'bytes' = 'characters'): string[] {
  const errors = byteLength(value) > MAX_SUBDOMAIN_LENGTH ? [tooLong(MAX_SUBDOMAIN_LENGTH, unit)] : [];
  if (!SUBDOMAIN_PATTERN.test(value)) errors.push(patternError(SUBDOMAIN_RULE, SUBDOMAIN, 'example.com'));
  return errors;
}

/** Why `value` is no qualified name, which is what the key of a label or annotation is; empty when it is one. */
export function qualifiedNameErrors(value: string): string[] {
  const parts = value.split('/');
  const keyError = patternError(LABEL_KEY_RULE, LABEL_KEY, 'MyName', 'my.name', '123-abc');
  if (parts.length > 2) {
    return [`a valid label key ${keyError} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const errors: string[] = [];
  const name = parts.at(-1) ?? '';
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') errors.push('prefix part must be non-empty');
    else errors.push(...dnsSubdomainErrors(prefix, 'bytes').map((e) => `prefix part ${e}`));
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (byteLength(name) > MAX_LABEL_LENGTH) errors.push(`name part ${tooLong(MAX_LABEL_LENGTH, 'bytes')}`);
  if (!LABEL_KEY_PATTERN.test(name)) errors.push(`name part ${keyError}`);
  return errors;
}

function tooLong(max: number, unit: string): string {
  return `must be no more than ${max} ${unit}`;
}

function patternError(rule: string, pattern: string, ...examples: string[]): string {
  const shown = examples.map((e) => `'${e}', `).join(' or ');
  return `${rule} (e.g. ${shown}regex used for validation is '${pattern}')`;
}
