import { goJson } from '../../k8s/goText.ts';
import { amountOf } from '../../k8s/resourceAmounts.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { resizableContainers, resourcesOf } from '../../pods/rules/allocation.ts';
import { containerStatuses } from '../../pods/rules/apiStatus.ts';
import type { Container, ContainerStatus, Pod, PodResources, PodSpec, ResourceRequirements } from '../../types/k8s.ts';

/**
 * What a Pod was given by a kubelet that left no record of it, as its status says. Only when the spec has changed since that status, or a
 * resize was under way or refused; otherwise the spec is what it was given.
 */
export function allocatedBefore(pod: Pod): PodResources {
  const { spec, status, metadata } = pod;
  const observed = status?.observedGeneration;
  const isPending = status?.conditions?.some(
    ({ type }) => type === 'PodResizePending' || type === 'PodResizeInProgress',
  );
  const isNewer = observed !== undefined && observed !== metadata?.generation;
  if (!spec || !(isPending || isNewer)) return resourcesOf(pod);
  const statuses = containerStatuses(status);
  const given = ({ name, resources = {} }: Container): ResourceRequirements => {
    const found = statuses.find((one) => one.name === name);
    return found?.resources ? givenResources(resources, found) : resources;
  };
  const containers = Object.fromEntries(resizableContainers(spec).map((one) => [one.name, given(one)]));
  if (!spec.resources) return { containers };
  const whole = status?.resources && givenToPod(spec, status.allocatedResources, status.resources);
  return { containers, pod: whole ?? spec.resources };
}

/** The Go kubelet's sentence for an event about a resize: the resources of all containers as JSON, in the order of its structs. */
export function resizeText(
  prefix: string,
  spec: PodSpec,
  { containers }: PodResources,
  generation: number,
  error?: string,
): string {
  const list = (of: readonly Container[] = []) =>
    of.map(({ name }) => ({ name, resources: inGoOrder(ownEntry(containers, name) ?? {}) }));
  const init = list(spec.initContainers);
  const lists = { ...(init.length > 0 && { initContainers: init }), containers: list(spec.containers) };
  return `${prefix}: ${goJson({ ...lists, generation, ...(error && { error }) })}`;
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

function inGoOrder({ limits, requests, claims }: ResourceRequirements): object {
  const sorted = (list: List | undefined) =>
    list && Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { limits: sorted(limits), requests: sorted(requests), claims };
}
