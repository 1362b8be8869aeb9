import { amountsOf } from '../../k8s/resourceAmounts.ts';
import type { Container, Pod } from '../../types/k8s.ts';

/** `init` runs before others and gives back what it had; a `sidecar` (an init container that restarts) keeps it, as `main` does. */
export type DeviceContainerKind = 'init' | 'sidecar' | 'main';

/** What one container asks of one resource. */
export interface DeviceRequest {
  readonly container: string;
  readonly kind: DeviceContainerKind;
  readonly resource: string;
  readonly count: number;
}

const NANO_PER_UNIT = 1_000_000_000n;

/**
 * What a Pod asks of device plug-ins, in the order in which it is given: init containers first. Limits are what counts: an extended
 * resource has its request equal to its limit. What comes from DRA (KEP-5004) is no plug-in's.
 */
export function deviceRequests(pod: Pod, isDeviceResource: (resource: string) => boolean): DeviceRequest[] {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const of = (container: Container, kind: DeviceContainerKind) =>
    containerRequests(pod, container, kind, isDeviceResource);
  return [
    ...initContainers.flatMap((c) => of(c, c.restartPolicy === 'Always' ? 'sidecar' : 'init')),
    ...containers.flatMap((c) => of(c, 'main')),
  ];
}

function containerRequests(
  pod: Pod,
  { name, resources }: Container,
  kind: DeviceContainerKind,
  isDeviceResource: (resource: string) => boolean,
): DeviceRequest[] {
  const mappings = pod.status?.extendedResourceClaimStatus?.requestMappings ?? [];
  const isFromDra = (resource: string) =>
    mappings.some((one) => one.containerName === name && one.resourceName === resource);
  const found: DeviceRequest[] = [];
  for (const [resource, nano] of amountsOf(resources?.limits)) {
    if (!isDeviceResource(resource) || isFromDra(resource)) continue;
    found.push({ container: name, kind, resource, count: Number((nano + NANO_PER_UNIT - 1n) / NANO_PER_UNIT) });
  }
  return found;
}
