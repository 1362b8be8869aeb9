import type { LabelSelector } from '../types/k8s.ts';

/** Whether the labels are what a selector asks for. Without one nothing matches; an empty one matches everything. Throws on an operator that there is none of. */
export function matchesLabels(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  if (!selector) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const has = (key: string) => Object.hasOwn(labels, key);
  const equal = Object.entries(matchLabels).every(([key, value]) => has(key) && labels[key] === value);
  const holds = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return has(key);
    if (operator === 'DoesNotExist') return !has(key);
    if (operator === 'In') return has(key) && values.includes(labels[key]!);
    if (operator === 'NotIn') return !has(key) || !values.includes(labels[key]!);
    throw new Error(`"${operator}" is not a valid label selector operator`);
  });
  return equal && holds.every(Boolean);
}
