import { goJson } from '../../k8s/goText.ts';
import { amountOf, amountsOf, type ResourceAmounts } from '../../k8s/resourceAmounts.ts';
import { containerStatuses } from '../../pods/rules/apiStatus.ts';
import type { Container, ContainerStatus, Pod, PodSpec, ResourceRequirements } from '../../types/k8s.ts';

/** A Pod with the resources that it was given here, and what it asks for instead when that is something else. */
export interface Allocation {
  readonly pod: Pod;
  readonly resize?: Resize;
}

/** A resize that was asked for (KEP-1287) and is not carried out: the desired resources of every container. */
export interface Resize {
  readonly initContainers: readonly Wanted[];
  readonly containers: readonly Wanted[];
}

interface Wanted {
  readonly name: string;
  readonly resources: ResourceRequirements;
}

/** What PodResizePending says of every resize: in-place resize is not built yet. */
export const RESIZE_UNSUPPORTED = 'In-place resize of Pods is not supported by kubelet-ts on this node';

/**
 * A newer version of a Pod, its resources as in `before`, the version that it was admitted with: what containers are made with,
 * counted for, and shown with.
 */
export function allocate(pod: Pod, before: Pod): Allocation {
  const { spec } = pod;
  if (!spec || pod === before) return { pod };
  const was = new Map(allContainers(before.spec).map((container) => [container.name, container]));
  const given = (container: Container): Container => {
    const old = was.get(container.name);
    return old && !sameResources(container.resources, old.resources)
      ? withResources(container, old.resources)
      : container;
  };
  const kept = withResources(mapContainers(spec, given), before.spec?.resources);
  if (allContainers(spec).every((one) => given(one) === one) && sameResources(spec.resources, kept.resources)) {
    return { pod };
  }
  return {
    pod: { ...pod, spec: kept },
    resize: { initContainers: (spec.initContainers ?? []).map(wanted), containers: spec.containers.map(wanted) },
  };
}

/**
 * The version that a Pod was admitted with, for a kubelet that did not see it: its status says what an earlier one gave it. Only when
 * the spec has changed since that status, or a resize was under way or refused; otherwise the spec is what it was given.
 */
export function allocatedBefore(pod: Pod): Pod {
  const { spec, status, metadata } = pod;
  const observed = status?.observedGeneration;
  const isPending = status?.conditions?.some(
    ({ type }) => type === 'PodResizePending' || type === 'PodResizeInProgress',
  );
  const isNewer = observed !== undefined && observed !== metadata?.generation;
  if (!spec || !(isPending || isNewer)) return pod;
  const statuses = containerStatuses(status);
  const given = (container: Container): Container => {
    const found = statuses.find(({ name }) => name === container.name);
    return found?.resources ? withResources(container, givenResources(container.resources ?? {}, found)) : container;
  };
  const podLevel = spec.resources && status?.resources && givenToPod(spec, status.allocatedResources, status.resources);
  return { ...pod, spec: { ...mapContainers(spec, given), ...(podLevel && { resources: podLevel }) } };
}

/** The Go kubelet's sentence for an event about the resize: all desired resources as JSON, in the order of its structs. */
export function resizeSummary({ initContainers, containers }: Resize, generation: number): string {
  const lists = {
    ...(initContainers.length > 0 && { initContainers: initContainers.map(inGoOrder) }),
    containers: containers.map(inGoOrder),
  };
  return `Pod resize Infeasible: ${goJson({ ...lists, generation, error: RESIZE_UNSUPPORTED })}`;
}

/** The only resources that can be resized, so the only ones that can differ. */
const RESIZABLE = ['cpu', 'memory'];

type List = Readonly<Record<string, string>>;

/** What a status says was given, in the keys of what is asked for: a resize can add a limit, but take none away. */
function givenResources(
  asked: ResourceRequirements,
  { allocatedResources, resources }: ContainerStatus,
): ResourceRequirements {
  return {
    ...asked,
    ...(asked.requests && { requests: inPlace(asked.requests, allocatedResources ?? {}) }),
    ...(asked.limits && { limits: inPlace(asked.limits, resources?.limits ?? {}) }),
  };
}

/** As `givenResources`, for the Pod as a whole, whose status counts its overhead. */
function givenToPod(spec: PodSpec, requests: List = {}, { limits = {} }: ResourceRequirements): ResourceRequirements {
  const less = (list: List): List =>
    Object.fromEntries(
      Object.entries(list).map(([name, text]) => {
        const overhead = amountOf(spec.overhead, name);
        return [name, overhead === 0n ? text : `${amountOf(list, name) - overhead}n`];
      }),
    );
  const asked = spec.resources ?? {};
  return {
    ...asked,
    ...(asked.requests && { requests: inPlace(asked.requests, less(requests)) }),
    ...(asked.limits && { limits: inPlace(asked.limits, less(limits)) }),
  };
}

function inPlace(asked: List, given: List): List {
  const result: Record<string, string> = { ...asked };
  for (const name of RESIZABLE) {
    if (!Object.hasOwn(asked, name) || amountOf(asked, name) === amountOf(given, name)) continue;
    if (Object.hasOwn(given, name)) result[name] = given[name]!;
    else delete result[name];
  }
  return result;
}

function allContainers(spec: PodSpec | undefined): readonly Container[] {
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

function withResources<T extends { readonly resources?: ResourceRequirements }>(
  { resources: _, ...rest }: T,
  resources: ResourceRequirements | undefined,
): T {
  return { ...rest, ...(resources && { resources }) } as T;
}

function sameResources(a: ResourceRequirements = {}, b: ResourceRequirements = {}): boolean {
  return (
    a === b ||
    (sameAmounts(amountsOf(a.requests), amountsOf(b.requests)) && sameAmounts(amountsOf(a.limits), amountsOf(b.limits)))
  );
}

function sameAmounts(a: ResourceAmounts, b: ResourceAmounts): boolean {
  return a.size === b.size && [...a].every(([name, amount]) => b.get(name) === amount);
}

function wanted({ name, resources = {} }: Container): Wanted {
  return { name, resources };
}

function inGoOrder({ name, resources: { limits, requests, claims } }: Wanted): object {
  const sorted = (list: List | undefined) =>
    list && Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { name, resources: { limits: sorted(limits), requests: sorted(requests), claims } };
}
