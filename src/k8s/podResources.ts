import type { Container, Pod, ResourceRequirements } from '../types/k8s.ts';
import { type Arithmetic, addTo, isSidecar, totalOf } from './containerTotals.ts';
import { amountsOf, type ResourceAmounts } from './resourceAmounts.ts';

/** Requests or limits. */
type Side = 'requests' | 'limits';

// biome-ignore lint/complexity/useMathMinMax: Math.max knows no bigint
const bigints: Arithmetic<bigint> = { plus: (a, b) => a + b, larger: (a, b) => (b > a ? b : a) };

/** What to count. */
export interface PodResourceOptions {
  /** Leaves out the overhead of the Pod's RuntimeClass. */
  readonly excludeOverhead?: boolean;
  /** Leaves out spec.resources of the Pod. */
  readonly skipPodLevel?: boolean;
}

/** Resources that can be set for the Pod as a whole (KEP-2837). */
export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/** True when the Pod's own spec.resources counts on this side, or on any side without one. */
export function hasPodLevelResources(pod: Pod, side?: Side): boolean {
  const sides: readonly Side[] = side ? [side] : ['requests', 'limits'];
  return sides.some((s) => Object.keys(pod.spec?.resources?.[s] ?? {}).some(isPodLevelResource));
}

/**
 * What the Pod asks for. With sidecars and init containers each resource is the larger of what runs for good and the largest
 * need while initializing (KEP-753); Pod-level values replace sums; overhead is added.
 */
export function podRequests(pod: Pod, options: PodResourceOptions = {}): ResourceAmounts {
  const total = containerTotal(pod, 'requests');
  if (!options.skipPodLevel) replacePodLevel(total, pod, 'requests');
  if (!options.excludeOverhead) addTo(total, amountsOf(pod.spec?.overhead), bigints);
  return total;
}

/**
 * What the Pod is limited to, counted like podRequests; overhead is added to limits that exist. A container without a limit
 * counts as nothing: see limitDeclared.
 */
export function podLimits(pod: Pod, options: PodResourceOptions = {}): ResourceAmounts {
  const total = containerTotal(pod, 'limits');
  if (!options.skipPodLevel) replacePodLevel(total, pod, 'limits');
  if (options.excludeOverhead) return total;
  for (const [name, amount] of amountsOf(pod.spec?.overhead)) {
    const limit = total.get(name);
    if (limit) total.set(name, limit + amount);
  }
  return total;
}

/**
 * Whether podLimits bounds the whole Pod: a limit of the Pod itself, or one in every container (an init container counts with
 * the sidecars before it).
 */
export function limitDeclared(pod: Pod, resource: 'cpu' | 'memory'): boolean {
  if (hasPodLevelResources(pod) && amountsOf(pod.spec?.resources?.limits).get(resource)) return true;
  const limit = (container: Container) => amountsOf(container.resources?.limits).get(resource) ?? 0n;
  if (!(pod.spec?.containers ?? []).every((container) => limit(container) !== 0n)) return false;
  let sidecars = 0n;
  return (pod.spec?.initContainers ?? []).every((container) => {
    if (!isSidecar(container)) return limit(container) + sidecars !== 0n;
    sidecars += limit(container);
    return sidecars !== 0n;
  });
}

/** The containers' part alone, without Pod-level values and overhead. */
export function containerTotal(pod: Pod, side: Side): Map<string, bigint> {
  return totalOf(pod.spec ?? {}, (container) => listOf(container.resources, side), bigints);
}

/** Pod-level limits count only when something of the Pod level is set that is supported. */
function replacePodLevel(total: Map<string, bigint>, pod: Pod, side: Side): void {
  if (!hasPodLevelResources(pod, side === 'requests' ? 'requests' : undefined)) return;
  for (const [name, amount] of listOf(pod.spec?.resources, side)) {
    if (isPodLevelResource(name)) total.set(name, amount);
  }
}

function listOf(resources: ResourceRequirements | undefined, side: Side): ResourceAmounts {
  return amountsOf(resources?.[side]);
}
