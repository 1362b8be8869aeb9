import { byteLength } from '../k8s/goText.ts';
import { qualifiedNameErrors } from '../k8s/nameValidation.ts';

/** Labels under kubernetes.io and k8s.io that a node may give itself (kubelet's well_known_labels; NodeRestriction enforces the same). */
const ALLOWED = new Set([
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);
const ALLOWED_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const isUnder = (namespace: string, parent: string) => namespace === parent || namespace.endsWith(`.${parent}`);

/** What is wrong with `--node-labels`; undefined when nothing is. */
export function nodeLabels(labels: Readonly<Record<string, string>>): string | undefined {
  for (const [key, value] of Object.entries(labels)) {
    const namespace = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
    const reserved = isUnder(namespace, 'kubernetes.io') || isUnder(namespace, 'k8s.io');
    if (reserved && !ALLOWED.has(key) && !ALLOWED_NAMESPACES.some((allowed) => isUnder(namespace, allowed))) {
      return (
        `must not set ${key}: labels in the 'kubernetes.io' namespace must begin with an allowed prefix ` +
        `(${ALLOWED_NAMESPACES.join(', ')}) or be in the specifically allowed set (${[...ALLOWED].join(', ')})`
      );
    }
    const [error] = qualifiedNameErrors(key);
    if (error) return `must have valid keys, and '${key}' is none: ${error}`;
    if (byteLength(value) > 63 || !LABEL_VALUE.test(value)) {
      return `must have valid values, and '${value}' is none: at most 63 letters, digits, '-', '_', '.', beginning and ending with a letter or digit`;
    }
  }
  return undefined;
}
