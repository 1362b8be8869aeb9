import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../types/k8s.ts';
import { isLabelKey, isLabelValue } from './labelSyntax.ts';

/** The part of the node that selectors look at. */
export interface SelectableNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Whether the node satisfies spec.nodeSelector and the required node affinity. Preferred terms play no part. A term that does
 * not parse (unknown operator, wrong number of values) matches nothing, but the other terms still count; an empty term matches
 * nothing; an empty list of terms matches nothing.
 */
export function matchesRequiredNodeAffinity(pod: Pod, node: SelectableNode): boolean {
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) {
    if (labelOf(node, key) !== value) return false;
  }
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(required, node);
}

/** Whether one of the terms matches, by the same rules. */
export function matchesNodeSelector({ nodeSelectorTerms = [] }: Partial<NodeSelector>, node: SelectableNode): boolean {
  return nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

function labelOf(node: SelectableNode, key: string): string | undefined {
  return Object.hasOwn(node.labels, key) ? node.labels[key] : undefined;
}

function matchesTerm(term: NodeSelectorTerm, node: SelectableNode): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  if (!expressions.every(isValidExpression) || !fields.every(isValidField)) return false;
  return (
    expressions.every((one) => matchesExpression(one, labelOf(node, one.key))) &&
    fields.every((one) => matchesField(one, node))
  );
}

function isValidExpression({ key, operator, values = [] }: NodeSelectorRequirement): boolean {
  if (!isLabelKey(key) || !values.every(isLabelValue)) return false;
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0;
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0;
    case 'Gt':
    case 'Lt':
      return values.length === 1 && toInteger(values[0]!) !== undefined;
    default:
      return false;
  }
}

function isValidField({ operator, values = [] }: NodeSelectorRequirement): boolean {
  return (operator === 'In' || operator === 'NotIn') && values.length === 1;
}

function matchesExpression({ operator, values = [] }: NodeSelectorRequirement, label: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
    default: {
      const mine = label === undefined ? undefined : toInteger(label);
      const bound = toInteger(values[0]!);
      if (mine === undefined || bound === undefined) return false;
      return operator === 'Gt' ? mine > bound : mine < bound;
    }
  }
}

/** metadata.name is the only field that nodes can be selected by; any other field has the empty value. */
function matchesField({ key, operator, values = [] }: NodeSelectorRequirement, node: SelectableNode): boolean {
  const value = key === 'metadata.name' ? node.name : '';
  return operator === 'In' ? value === values[0] : value !== values[0];
}

const INT64_MAX = 2n ** 63n - 1n;

function toInteger(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]{1,20}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return value <= INT64_MAX && value >= -INT64_MAX - 1n ? value : undefined;
}
