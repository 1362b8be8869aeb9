import type { PodCondition, PodStatus } from '../types/k8s.ts';
import { sameMeaning } from './normalise.ts';
import { isTerminal } from './rules/phase.ts';
import { disruptionTarget, kubeletConditionTypes } from './rules/words.ts';

/** Body of a strategic-merge PATCH of a Pod's status; the UID makes it fail for a Pod of the same name that came later. */
export interface StatusPatch {
  readonly metadata: { readonly uid: string };
  readonly status: Readonly<Record<string, unknown>>;
}

const scalars = [
  'phase',
  'message',
  'reason',
  'hostIP',
  'podIP',
  'startTime',
  'qosClass',
  'observedGeneration',
] as const;
const atomicLists = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'] as const;
const addressLists = ['hostIPs', 'podIPs'] as const;
const objects = ['resources', 'allocatedResources'] as const;

/**
 * What must be sent so that the API server's `lastAccepted` status becomes `wanted`, in the fields that the kubelet owns; null
 * when nothing differs. Other owners' conditions and lists (resourceClaimStatuses …) are never touched.
 */
export function buildStatusPatch(lastAccepted: PodStatus, wanted: PodStatus, uid: string): StatusPatch | null {
  const status: Record<string, unknown> = {};
  for (const key of [...scalars, ...atomicLists]) {
    if (!sameMeaning(lastAccepted[key], wanted[key], key)) status[key] = present(wanted[key]);
  }
  for (const key of objects) {
    const difference = objectDifference(lastAccepted[key], wanted[key], key);
    if (difference !== undefined) status[key] = difference;
  }
  for (const key of addressLists) Object.assign(status, addressDifference(key, lastAccepted[key], wanted[key]));
  Object.assign(status, conditionDifference(lastAccepted, wanted));
  return Object.keys(status).length === 0 ? null : { metadata: { uid }, status };
}

// Removing a field takes an explicit null.
function present(value: unknown): unknown {
  return value === undefined || (Array.isArray(value) && value.length === 0) ? null : value;
}

// Objects and maps merge key by key, so a key that is gone needs its own null.
function objectDifference(old: unknown, wanted: unknown, key: string): unknown {
  if (sameMeaning(old, wanted, key)) return undefined;
  if (!isObject(old) || !isObject(wanted)) return present(wanted);
  const result: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(old), ...Object.keys(wanted)])) {
    const difference = objectDifference(old[name], wanted[name], name);
    if (difference !== undefined) result[name] = difference;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

type Address = { readonly ip: string };

// Lists of addresses merge by `ip`: an entry that is gone stays unless it is deleted by name, and the order, which must agree
// with podIP, has to be told apart from the entries.
function addressDifference(
  key: string,
  old: readonly Address[] = [],
  wanted: readonly Address[] = [],
): Record<string, unknown> {
  const before = old.map(({ ip }) => ip);
  const after = wanted.map(({ ip }) => ip);
  if (before.join() === after.join()) return {};
  if (after.length === 0) return { [key]: null };
  const added = after.filter((ip) => !before.includes(ip)).map((ip) => ({ ip }));
  const gone = before.filter((ip) => !after.includes(ip)).map((ip) => ({ $patch: 'delete', ip }));
  const order = { [`$setElementOrder/${key}`]: after.map((ip) => ({ ip })) };
  return added.length + gone.length === 0 ? order : { ...order, [key]: [...added, ...gone] };
}

function conditionDifference(lastAccepted: PodStatus, wanted: PodStatus): Record<string, unknown> {
  const old = lastAccepted.conditions ?? [];
  const turnsTerminal = isTerminal(wanted.phase) && !isTerminal(lastAccepted.phase);
  const mine = (wanted.conditions ?? []).filter(
    ({ type }) => kubeletConditionTypes.has(type) || (turnsTerminal && type === disruptionTarget),
  );
  const changed = mine.flatMap((condition) =>
    oneCondition(
      old.find((c) => c.type === condition.type),
      condition,
    ),
  );
  const gone = old
    .filter(({ type }) => kubeletConditionTypes.has(type) && !mine.some((c) => c.type === type))
    .map(({ type }) => ({ $patch: 'delete', type }));
  if (changed.length + gone.length === 0) return {};
  const order = (wanted.conditions ?? []).map(({ type }) => ({ type }));
  return {
    ...(order.length > 0 ? { '$setElementOrder/conditions': order } : {}),
    conditions: [...changed, ...gone],
  };
}

// Times alone are no reason to write: they say when the rest changed.
function oneCondition(old: PodCondition | undefined, wanted: PodCondition): Record<string, unknown>[] {
  if (!old) return [{ ...wanted }];
  const keys = ['status', 'reason', 'message', 'observedGeneration', 'lastProbeTime', 'lastTransitionTime'] as const;
  const different = keys.filter((key) => !sameMeaning(old[key], wanted[key]));
  if (different.every((key) => key.startsWith('last'))) return [];
  return [{ type: wanted.type, ...Object.fromEntries(different.map((key) => [key, present(wanted[key])])) }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
