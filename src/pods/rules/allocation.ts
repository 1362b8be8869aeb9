import { amountsOf, type ResourceAmounts } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod, Container, Pod, PodResources, PodSpec, ResourceRequirements } from '../../types/k8s.ts';

/** The resources that a Pod's spec names: of all containers that can be resized, and of the Pod as a whole. */
export function resourcesOf(pod: Pod): PodResources {
  const { spec } = pod;
  return {
    containers: Object.fromEntries(resizableContainers(spec).map(({ name, resources }) => [name, resources ?? {}])),
    ...(spec?.resources && { pod: spec.resources }),
  };
}

/** A Pod that has what it asks for. */
export function allocatedAsAsked(pod: Pod): AllocatedPod {
  return pod as AllocatedPod;
}

/**
 * A version of a Pod with the resources that were allocated to it. What the allocation does not name (a container that came since) has
 * what it asks for. The very same object when nothing differs.
 */
export function withAllocation(pod: Pod, resources: PodResources): AllocatedPod {
  const { spec } = pod;
  if (!spec || !differs(pod, resources)) return pod as AllocatedPod;
  const given = (container: Container): Container => {
    const own = Object.hasOwn(resources.containers, container.name) ? resources.containers[container.name] : undefined;
    return own && !sameResources(container.resources, own) ? withResources(container, own) : container;
  };
  return { ...pod, spec: withResources(mapContainers(spec, given), resources.pod) } as AllocatedPod;
}

/** Whether the Pod asks for something else than was allocated to it. */
export function differs(pod: Pod, allocation: PodResources): boolean {
  return !sameAllocation(resourcesOf(pod), allocation);
}

/** Equal amounts, whatever their words. A container that one of them does not name makes no difference. */
export function sameAllocation(a: PodResources, b: PodResources): boolean {
  if (a === b) return true;
  if (!sameResources(a.pod, b.pod)) return false;
  return Object.entries(a.containers).every(
    ([name, own]) => !Object.hasOwn(b.containers, name) || sameResources(own, b.containers[name]),
  );
}

/** Equal amounts of everything; a list that is empty is none. */
export function sameResources(a: ResourceRequirements = {}, b: ResourceRequirements = {}): boolean {
  return a === b || (sameLists(a.requests, b.requests) && sameLists(a.limits, b.limits));
}

/** Main and init containers: ephemeral ones have no resources. */
export function resizableContainers(spec: PodSpec | undefined): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

function mapContainers(spec: PodSpec, map: (container: Container) => Container): PodSpec {
  const { containers, initContainers } = spec;
  return {
    ...spec,
    containers: containers.map(map),
    ...(initContainers && { initContainers: initContainers.map(map) }),
  };
}

/** The same, a container say, with these resources in place of its own; undefined: with none. */
export function withResources<T extends { readonly resources?: ResourceRequirements }>(
  { resources: _, ...rest }: T,
  resources: ResourceRequirements | undefined,
): T {
  return { ...rest, ...(resources && { resources }) } as T;
}

type List = Readonly<Record<string, string>>;

/** Most often the words are the same: this is asked in each turn of each Pod. */
function sameLists(a: List = {}, b: List = {}): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  const inWords = names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
  return inWords || sameAmounts(amountsOf(a), amountsOf(b));
}

function sameAmounts(a: ResourceAmounts, b: ResourceAmounts): boolean {
  return a.size === b.size && [...a].every(([name, amount]) => b.get(name) === amount);
}
