import type { Container, Pod, StoredPod } from '../../types/k8s.ts';
import type { Rejection } from '../types.ts';

/**
 * Rejects a Pod that asks for devices whose plug-in is gone, in the Go kubelet's words. Limits are looked at, as there: an extended
 * resource has its request equal to its limit.
 */
export function checkDevices(pod: StoredPod, gone: readonly string[]): Rejection | undefined {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const resource = containers.map((container) => goneDevice(pod, container, gone)).find((one) => one !== undefined);
  if (resource === undefined) return undefined;
  const error = `no healthy devices present; cannot allocate unhealthy devices ${resource}`;
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${error}, which is unexpected` };
}

/** The first device resource of the container that no plug-in can give; what comes from DRA is not a plug-in's. */
export function goneDevice(pod: Pod, container: Container, gone: readonly string[]): string | undefined {
  if (gone.length === 0) return undefined;
  const mappings = pod.status?.extendedResourceClaimStatus?.requestMappings ?? [];
  const isFromDra = (resource: string) =>
    mappings.some((one) => one.containerName === container.name && one.resourceName === resource);
  const limits = Object.keys(container.resources?.limits ?? {});
  return limits.find((resource) => gone.includes(resource) && !isFromDra(resource));
}
