import { hasPodLevelResources } from '../../../k8s/podResources.ts';
import { formatQuantity, quantityOf } from '../../../k8s/quantity.ts';
import { amountOf } from '../../../k8s/resourceAmounts.ts';
import type { ContainerStats, PodStats } from '../../../stats/shapes.ts';
import type { Container, Pod } from '../../../types/k8s.ts';
import type { Observations } from './observations.ts';
import { canonical } from './quantities.ts';
import { type StarvedResource, signals } from './signals.ts';
import { quantityAt, type Threshold } from './thresholds.ts';

/** kubelet's reason of status and Event. */
export const EVICTED = 'Evicted';

/** What is said of an eviction: in the Pod's status, and in its Event with annotations. */
export interface EvictionWords {
  readonly message: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const bytes = (n: number) => quantityOf(n, 'BinarySI');

/** Why a Pod goes: kubelet's words, which people and tools read. `acting`: the thresholds that are acted on, in order. */
export function evictionWords(
  resource: StarvedResource,
  pod: Pod,
  stats: PodStats | undefined,
  acting: readonly Threshold[],
  observations: Observations,
): EvictionWords {
  let message = `The node was low on resource: ${resource}. ${amounts(resource, acting, observations)}`;
  if (!stats) return { message, annotations: {} };
  const annotations: Record<string, string> = {};
  const podRequest = pod.spec?.resources?.requests?.memory;
  if (resource === 'memory' && hasPodLevelResources(pod) && podRequest !== undefined && stats.memory) {
    const use = formatQuantity(bytes(stats.memory.workingSetBytes ?? 0));
    const name = pod.metadata?.name ?? '';
    message += `Pod ${name} was using ${use}, request is ${canonical(podRequest)}, has larger consumption of ${resource}. `;
    annotations.offending_pod = name;
    annotations.offending_pod_usage = use;
  }
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const offending = stats.containers.flatMap((c) => {
    const container = containers.find(({ name }) => name === c.name);
    const use = container && containerUse(resource, c);
    if (!container || use === undefined) return [];
    return bytes(use).nano > amountOf(container.resources?.requests, resource) ? [{ container, use }] : [];
  });
  for (const { container, use } of offending) {
    const request = requestText(container, resource);
    message += `Container ${container.name} was using ${formatQuantity(bytes(use))}, request is ${request}, has larger consumption of ${resource}. `;
  }
  annotations.offending_containers = offending.map(({ container }) => container.name).join(',');
  annotations.offending_containers_usage = offending.map(({ use }) => formatQuantity(bytes(use))).join(',');
  annotations.starved_resource = resource;
  return { message, annotations };
}

/** The numbers of the first threshold of that resource. */
function amounts(resource: StarvedResource, acting: readonly Threshold[], observations: Observations): string {
  for (const { signal, value } of acting) {
    const observed = observations[signal];
    if (signals[signal].resource !== resource || !observed) continue;
    const threshold = formatQuantity(quantityAt(value, observed.capacity));
    const available = formatQuantity(quantityOf(observed.available, signals[signal].format));
    return `Threshold quantity: ${threshold}, available: ${available}. `;
  }
  return '';
}

function containerUse(resource: StarvedResource, { rootfs, logs, memory }: ContainerStats): number | undefined {
  if (resource === 'memory') return memory?.workingSetBytes;
  if (resource !== 'ephemeral-storage' || rootfs?.usedBytes === undefined || logs?.usedBytes === undefined)
    return undefined;
  return rootfs.usedBytes + logs.usedBytes;
}

function requestText({ resources }: Container, resource: StarvedResource): string {
  return canonical(resources?.requests?.[resource] ?? '0');
}

/** The Event about the Node when something is being done. */
export function attemptWords(resource: StarvedResource): string {
  return `Attempting to reclaim ${resource}`;
}
