import type { KubeObject } from '../../types/k8s.ts';

export type Matcher = (object: KubeObject) => boolean;

/** Reads `spec.nodeName` and the like; an absent field is the empty string, as in the API server. */
function fieldOf(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const part of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
  return value === undefined ? '' : String(value);
}

function fieldMatcher(selector: string): Matcher {
  const terms = selector.split(',').filter(Boolean);
  return (object) =>
    terms.every((term) => {
      const [, path = '', operator, value = ''] = /^([^!=]+)(!=|==|=)(.*)$/.exec(term) ?? [];
      return operator === '!=' ? fieldOf(object, path) !== value : fieldOf(object, path) === value;
    });
}

function labelTerm(term: string): (labels: Readonly<Record<string, string>>) => boolean {
  const set = /^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$/.exec(term);
  if (set) {
    const values = set[3]!.split(',').map((v) => v.trim());
    const key = set[1]!;
    return (labels) => (set[2] === 'in') === (labels[key] !== undefined && values.includes(labels[key]));
  }
  const equal = /^\s*([^!=\s]+)\s*(!=|==|=)\s*(\S*)\s*$/.exec(term);
  if (equal) return (labels) => (labels[equal[1]!] === equal[3]) === (equal[2] !== '!=');
  const name = term.trim();
  return name.startsWith('!')
    ? (labels) => labels[name.slice(1)] === undefined
    : (labels) => labels[name] !== undefined;
}

/** The conjunction of a request's field and label selectors. */
export function matcher(fieldSelector: string | null, labelSelector: string | null): Matcher {
  const fields = fieldMatcher(fieldSelector ?? '');
  const terms = (labelSelector ?? '')
    .split(/,(?![^(]*\))/)
    .filter(Boolean)
    .map(labelTerm);
  return (object) => fields(object) && terms.every((matches) => matches(object.metadata?.labels ?? {}));
}
