import type { Container, Pod } from '../../types/k8s.ts';

/** Why nothing that needs a ResourceClaim starts here: dynamic resource allocation (KEP-4381) is not built yet. */
export const NO_CLAIMS =
  'dynamic resource allocation is not available on this node: kubelet-ts does not support it yet';

/**
 * Whether the Pod has ResourceClaims that must be prepared before its sandbox is made, those of extended resources that are backed
 * by one (KEP-5004) included. A claim template that turned out to need no claim has a status entry without a name.
 */
export function needsClaims({ spec, status }: Pod): boolean {
  if (status?.extendedResourceClaimStatus) return true;
  const isNeeded = ({ name, resourceClaimName }: { name: string; resourceClaimName?: string }) => {
    const found = status?.resourceClaimStatuses?.find((one) => one.name === name);
    return resourceClaimName !== undefined || !found || found.resourceClaimName !== undefined;
  };
  return (spec?.resourceClaims ?? []).some(isNeeded);
}

/**
 * Why the container must not be made: it would come up without a claim that it asks for. Only for containers that are made anew in
 * a Pod which another kubelet started with its claims; any other Pod is held back before. Undefined: it has all it asks for.
 */
export function withheld(pod: Pod, container: Container): string | undefined {
  const mappings = pod.status?.extendedResourceClaimStatus?.requestMappings ?? [];
  const isMapped = mappings.some(({ containerName }) => containerName === container.name);
  return isMapped || (container.resources?.claims?.length && needsClaims(pod)) ? NO_CLAIMS : undefined;
}
