import type { Node, NodeCondition, NodeStatus } from '../../types/k8s.ts';
import { sameQuantity } from './amounts.ts';

type Resources = Readonly<Record<string, string>> | undefined;

/** Whether anything but heartbeat times differs: what decides whether a status is worth a PATCH. */
export function nodeChanged(before: Node, after: Node): boolean {
  return Object.keys(nodeDiff(before, after)).length > 0;
}

/**
 * The strategic-merge PATCH of /status that makes `before` into `after`; labels and annotations go along, spec never. Own
 * conditions are always in it, for their heartbeat.
 */
export function nodeStatusPatch(before: Node, after: Node, ownConditions: readonly string[]): object {
  const { status, ...rest } = nodeDiff(before, after) as { status?: Record<string, unknown> };
  const conditions = (after.status?.conditions ?? []).filter((condition) => ownConditions.includes(condition.type));
  return { ...rest, status: { ...status, conditions } };
}

function nodeDiff(before: Node, after: Node): Record<string, unknown> {
  const metadata = defined({
    labels: mapDiff(before.metadata?.labels, after.metadata?.labels),
    annotations: mapDiff(before.metadata?.annotations, after.metadata?.annotations),
  });
  const status = statusDiff(before.status ?? {}, after.status ?? {});
  return defined({
    metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
    status: Object.keys(status).length > 0 ? status : undefined,
  });
}

function statusDiff(before: NodeStatus, after: NodeStatus): Record<string, unknown> {
  const plain = [
    'nodeInfo',
    'daemonEndpoints',
    'images',
    'runtimeHandlers',
    'features',
    'declaredFeatures',
    'volumesInUse',
  ] as const;
  const changed = plain.filter((field) => !isEqual(before[field], after[field]));
  return defined({
    ...Object.fromEntries(changed.map((field) => [field, after[field] ?? null])),
    capacity: mapDiff(before.capacity, after.capacity, sameQuantity),
    allocatable: mapDiff(before.allocatable, after.allocatable, sameQuantity),
    // The API merges addresses by type, which would lose one of two InternalIPs: the list is replaced.
    addresses: isEqual(before.addresses, after.addresses)
      ? undefined
      : [...(after.addresses ?? []), { $patch: 'replace' }],
    conditions: sameConditions(before.conditions, after.conditions) ? undefined : after.conditions,
  });
}

function sameConditions(before: readonly NodeCondition[] = [], after: readonly NodeCondition[] = []): boolean {
  const bare = (conditions: readonly NodeCondition[]) =>
    conditions.map(({ lastHeartbeatTime: _, ...rest }) => rest).sort((a, b) => (a.type < b.type ? -1 : 1));
  return isEqual(bare(before), bare(after));
}

/** Keys that changed, null for those that have gone; undefined if nothing did. */
function mapDiff(
  before: Resources = {},
  after: Resources = {},
  same = (a: string | undefined, b: string | undefined) => a === b,
): Record<string, string | null> | undefined {
  const diff: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(after)) if (!same(before[key], value)) diff[key] = value;
  for (const key of Object.keys(before)) if (after[key] === undefined) diff[key] = null;
  return Object.keys(diff).length > 0 ? diff : undefined;
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** JSON equality: key order, absent and undefined do not matter; nor do absent and empty, which the API stores alike. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b || (isEmpty(a) && isEmpty(b))) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].every((key) => isEqual(x[key], y[key]));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
