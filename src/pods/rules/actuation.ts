import { amountOf } from '../../k8s/resourceAmounts.ts';
import type { PodResources, ResourceRequirements } from '../../types/k8s.ts';

/** The only resources that can be resized in place. */
export type Resizable = 'cpu' | 'memory';

/**
 * A container's resources as they are carried out: its own limits, and for what it has none the Pod's (KEP-2837). It is what the Go
 * kubelet writes down as actuated.
 */
export function effective(own: ResourceRequirements, pod: ResourceRequirements | undefined): ResourceRequirements {
  const whole = pod?.limits;
  // Most Pods have none: this is asked in each turn of each.
  if (!whole) return own;
  const inherited = (['cpu', 'memory'] as const).filter(
    (name) => amountOf(own.limits, name) === 0n && amountOf(whole, name) !== 0n,
  );
  if (inherited.length === 0) return own;
  return { ...own, limits: { ...own.limits, ...Object.fromEntries(inherited.map((name) => [name, whole[name]!])) } };
}

/** Whether CPU and memory differ, or one of them alone. */
export function differsIn(
  a: ResourceRequirements | undefined,
  b: ResourceRequirements | undefined,
  of: readonly Resizable[] = ['cpu', 'memory'],
): boolean {
  if (a === b) return false;
  const other = (side: 'requests' | 'limits', name: Resizable) =>
    // Most often the words are the same: this is asked in each turn of each Pod.
    a?.[side]?.[name] !== b?.[side]?.[name] && amountOf(a?.[side], name) !== amountOf(b?.[side], name);
  return of.some((name) => other('requests', name) || other('limits', name));
}

/** `resources` with what `part` has of one resource; a resource that it does not have is gone. */
export function withResource(
  resources: ResourceRequirements,
  part: ResourceRequirements,
  name: Resizable,
): ResourceRequirements {
  const list = (side: 'requests' | 'limits') => {
    const { [name]: _, ...others } = resources[side] ?? {};
    const own = part[side]?.[name];
    return own === undefined ? others : { ...others, [name]: own };
  };
  return { ...resources, requests: list('requests'), limits: list('limits') };
}

/** What is known of some containers, or of the Pod as a whole, over what was known before. */
export function mergeResources(known: PodResources | undefined, news: PodResources): PodResources {
  return { ...known, ...news, containers: { ...known?.containers, ...news.containers } };
}
