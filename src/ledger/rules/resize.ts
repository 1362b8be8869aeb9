import { podRequests } from '../../k8s/podResources.ts';
import { computePodQOS, podQOS } from '../../k8s/qos.ts';
import { amountOf } from '../../k8s/resourceAmounts.ts';
import { resizableContainers, sameResources } from '../../pods/rules/allocation.ts';
import type { AllocatedPod, Container, Pod, StoredPod } from '../../types/k8s.ts';
import type { ResizeSettings } from '../types.ts';

/** What no room can cure: the sentence for the Pod's condition, and the word by which the metric counts it. */
export interface Infeasible {
  readonly message: string;
  readonly detail: string;
}

/** Why this node can never carry the resize out; undefined: only room decides. In kubelet 1.36's order and words. */
export function infeasible(
  desired: StoredPod,
  allocated: AllocatedPod,
  settings: ResizeSettings,
): Infeasible | undefined {
  if (swapIsInvolved(desired, allocated, settings))
    return { message: 'In-place resize of containers with swap is not supported.', detail: 'swap_limitation' };
  if (!settings.podLevel && !sameResources(desired.spec.resources, allocated.spec?.resources))
    return { message: 'InPlacePodLevelResourcesVerticalScaling is disabled', detail: 'plr_feature_gate_off' };
  if (podQOS(desired) !== 'Guaranteed') return undefined;
  if (settings.staticCpus && requestsDiffer(desired, allocated, 'cpu')) return byManager('CPU', 'cpu', 'static');
  if (settings.staticMemory && requestsDiffer(desired, allocated, 'memory'))
    return byManager('Memory', 'memory', 'Static');
  return undefined;
}

function byManager(title: string, word: string, policy: string): Infeasible {
  return {
    message: `Resize is infeasible for Guaranteed Pods alongside ${title} Manager policy "${policy}"`,
    detail: `guaranteed_pod_${word}_manager_static_policy`,
  };
}

/** A memory request that changes without a restart of its container, while that may swap: its share of the swap would change. */
function swapIsInvolved(desired: Pod, allocated: AllocatedPod, { mayUseSwap }: ResizeSettings): boolean {
  return pairs(desired, allocated).some(
    ([wanted, had]) =>
      amountOf(wanted.resources?.requests, 'memory') !== amountOf(had.resources?.requests, 'memory') &&
      had.resizePolicy?.find(({ resourceName }) => resourceName === 'memory')?.restartPolicy !== 'RestartContainer' &&
      (mayUseSwap(desired, wanted) || mayUseSwap(allocated, had)),
  );
}

/** Of a Guaranteed Pod limits are equal to requests. */
function requestsDiffer(desired: Pod, allocated: AllocatedPod, resource: 'cpu' | 'memory'): boolean {
  return pairs(desired, allocated).some(
    ([wanted, had]) => amountOf(wanted.resources?.requests, resource) !== amountOf(had.resources?.requests, resource),
  );
}

function pairs(desired: Pod, allocated: AllocatedPod): [wanted: Container, had: Container][] {
  const had = new Map(resizableContainers(allocated.spec).map((container) => [container.name, container]));
  return resizableContainers(desired.spec).flatMap((wanted): [Container, Container][] => {
    const own = had.get(wanted.name);
    return own ? [[wanted, own]] : [];
  });
}

/** A resize that waits for its turn. */
export interface PendingResize {
  readonly desired: StoredPod;
  readonly allocated: AllocatedPod;
  /** Since when it waits for room, wall ms; the order of arrival decides between equals. */
  readonly since: number;
  readonly sequence: number;
}

/**
 * The order in which pending resizes are looked at: those that ask for no more first, then by the Pod's priority, Guaranteed ones before
 * others, and whoever waits longest.
 */
export function resizeOrder(a: PendingResize, b: PendingResize): number {
  return (
    Number(isIncrease(a)) - Number(isIncrease(b)) ||
    (b.desired.spec.priority ?? 0) - (a.desired.spec.priority ?? 0) ||
    Number(isGuaranteed(b)) - Number(isGuaranteed(a)) ||
    a.since - b.since ||
    a.sequence - b.sequence
  );
}

function isGuaranteed({ desired }: PendingResize): boolean {
  return (desired.status?.qosClass || computePodQOS(desired)) === 'Guaranteed';
}

function isIncrease({ desired, allocated }: PendingResize): boolean {
  const [now, then] = [podRequests(allocated), podRequests(desired)];
  return ['cpu', 'memory'].some((resource) => (then.get(resource) ?? 0n) > (now.get(resource) ?? 0n));
}
