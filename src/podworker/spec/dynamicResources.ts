import type { Pod } from '../../types/k8s.ts';

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
