import { rfc3339 } from '../k8s/rfc3339.ts';
import { canonicalQuantity } from './rules/quantity.ts';

const resourceLists = new Set(['requests', 'limits', 'allocatedResources']);
/** Fields that the API server leaves out when they have their zero value. */
const zeroMeansAbsent = new Set(['readOnly']);
const emptyMeansAbsent = new Set(['state', 'lastState']);
const timeShape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/**
 * One spelling for every value that means the same in a status: whole seconds in UTC, canonical quantities, no nulls, empty
 * lists or empty words. For comparing only; the API server echoes what it is sent in its own spelling.
 */
export function normalise(value: unknown, key = ''): unknown {
  if (value === null || value === undefined || value === '') return undefined;
  if (value === false && zeroMeansAbsent.has(key)) return undefined;
  if (typeof value === 'string') return timeShape.test(value) ? wholeSeconds(value) : value;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => normalise(item));
  const entries = Object.entries(value)
    .map(([name, inner]) => [name, resourceLists.has(key) ? quantity(inner) : normalise(inner, name)] as const)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const absentWhenEmpty = emptyMeansAbsent.has(key) || resourceLists.has(key);
  return entries.length === 0 && absentWhenEmpty ? undefined : Object.fromEntries(entries);
}

/** Whether two values of the same field mean the same. */
export function sameMeaning(a: unknown, b: unknown, key = ''): boolean {
  return a === b || JSON.stringify(normalise(a, key)) === JSON.stringify(normalise(b, key));
}

function wholeSeconds(text: string): string {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? text : rfc3339(ms);
}

function quantity(value: unknown): unknown {
  return typeof value === 'string' || typeof value === 'number' ? canonicalQuantity(value) : value;
}
