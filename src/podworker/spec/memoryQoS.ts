import type { LinuxContainerResources } from '../../cri/generated/runtime.ts';
import { podQOS } from '../../k8s/qos.ts';
import { amountOf, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod, Container, Pod } from '../../types/k8s.ts';
import type { SpecNode } from './context.ts';

/** Settings of memory protection; only with the feature gate MemoryQoS (alpha, off). */
export interface MemoryQoSSettings {
  /** KubeletConfiguration memoryThrottlingFactor. */
  readonly throttlingFactor: number;
  /** KubeletConfiguration memoryReservationPolicy TieredReservation: requests are kept from being reclaimed. */
  readonly tieredReservation: boolean;
  /** Allocatable memory of the node in bytes; 0 while it is unknown. */
  readonly allocatableMemory: number;
  /** Of the kernel, in bytes. */
  readonly pageSize: number;
}

/**
 * `resources` with the container's memory protection (KEP-2570), on cgroup v2: memory.min or memory.low at the request, and
 * reclaim from memory.high on, `request + factor × (limit or allocatable − request)` in whole pages.
 */
export function withMemoryQoS(
  resources: LinuxContainerResources,
  pod: AllocatedPod,
  container: Container,
  node: Pick<SpecNode, 'cgroupVersion' | 'memoryQoS'>,
): LinuxContainerResources {
  const settings = node.memoryQoS;
  if (!settings || node.cgroupVersion !== 2) return resources;
  const request = wholeValue(amountOf(container.resources?.requests, 'memory'));
  const limit = wholeValue(amountOf(container.resources?.limits, 'memory'));
  const unified = { ...resources.unified, ...reservation(pod, request, settings) };
  const high = request === limit ? 0 : throttlingStart(request, limit || settings.allocatableMemory, settings);
  if (high > request) unified['memory.high'] = String(high);
  return { ...resources, unified };
}

function reservation(pod: Pod, request: number, { tieredReservation }: MemoryQoSSettings): Record<string, string> {
  if (request === 0 || !tieredReservation) return { 'memory.min': '0', 'memory.low': '0' };
  return podQOS(pod) === 'Guaranteed' ? { 'memory.min': String(request) } : { 'memory.low': String(request) };
}

function throttlingStart(request: number, bound: number, { throttlingFactor, pageSize }: MemoryQoSSettings): number {
  if (bound <= 0) return 0;
  return Math.trunc(Math.floor(request + (bound - request) * throttlingFactor) / pageSize) * pageSize;
}
