// Which ResourceClaims a Pod and its containers use, and whether the Pod may (KEP-4381, KEP-5004). The words are kubelet's.
import { goQuote } from '../../k8s/goText.ts';
import type { Container, Pod, ResourceClaim, StoredPod } from '../../types/k8s.ts';

/** A claim that a Pod uses, by its name in the Pod's namespace. */
export interface ClaimUse {
  readonly name: string;
  /** It was made from a template for this very Pod, so nobody else's claim of that name counts. */
  readonly own: boolean;
}

/** The claims that must be prepared before the Pod's sandbox. Throws with kubelet's sentence when one has no name yet. */
export function claimsOf(pod: StoredPod): readonly ClaimUse[] {
  const uses = (pod.spec.resourceClaims ?? []).flatMap((claim) => {
    const use = useOf(pod, claim);
    return use ? [use] : [];
  });
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return extended === undefined ? uses : [...uses, { name: extended, own: false }];
}

type PodClaim = NonNullable<StoredPod['spec']['resourceClaims']>[number];

/** undefined: its template turned out to need no claim. */
function useOf({ metadata, status }: StoredPod, claim: PodClaim): ClaimUse | undefined {
  const { name, resourceClaimName, resourceClaimTemplateName } = claim;
  if (resourceClaimName !== undefined) return { name: resourceClaimName, own: false };
  const pod = `pod "${metadata.namespace}/${metadata.name}"`;
  if (resourceClaimTemplateName === undefined)
    throw new Error(`${pod}, spec.resourceClaim ${goQuote(name)}: none of the supported fields are set`);
  const found = status?.resourceClaimStatuses?.find((one) => one.name === name);
  if (!found) throw new Error(`${pod}: ResourceClaim not created yet`);
  return found.resourceClaimName === undefined ? undefined : { name: found.resourceClaimName, own: true };
}

/** Why the Pod must not use the claim now; undefined: it may. */
export function refusal({ metadata }: StoredPod, { own }: ClaimUse, claim: ResourceClaim): string | undefined {
  const { name = '', namespace = '', uid = '', ownerReferences = [] } = claim.metadata ?? {};
  const isOwner = ownerReferences.some((owner) => owner.controller === true && owner.uid === metadata.uid);
  if (own && !isOwner)
    return `ResourceClaim ${namespace}/${name} was not created for Pod ${metadata.namespace}/${metadata.name} (Pod is not owner)`;
  if (!claim.status?.reservedFor?.some((one) => one.uid === metadata.uid))
    return `pod ${metadata.name} (${metadata.uid}) is not allowed to use ResourceClaim ${name} (${uid})`;
  return claim.status.allocation ? undefined : `ResourceClaim ${name}: not allocated`;
}

/** The drivers that have to prepare the claim, in order. */
export function driversOf({ status }: ResourceClaim): readonly string[] {
  return [...new Set((status?.allocation?.devices?.results ?? []).map(({ driver }) => driver))].sort();
}

/**
 * The requests of its claims that a container uses, by the claim's name; an empty request means all of the claim. A claim that has no name
 * yet is left out: nothing of the Pod runs without it.
 */
export function requestsOf(pod: Pod, container: Container): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = (claim: string, requests: readonly string[]) =>
    found.set(claim, [...(found.get(claim) ?? []), ...requests]);
  for (const claim of pod.spec?.resourceClaims ?? []) {
    const requests = (container.resources?.claims ?? []).filter(({ name }) => name === claim.name);
    const name =
      claim.resourceClaimName ??
      pod.status?.resourceClaimStatuses?.find((one) => one.name === claim.name)?.resourceClaimName;
    if (requests.length > 0 && name !== undefined)
      add(
        name,
        requests.map(({ request = '' }) => request),
      );
  }
  const extended = pod.status?.extendedResourceClaimStatus;
  for (const { containerName, resourceName, requestName } of extended?.requestMappings ?? [])
    if (containerName === container.name && asksFor(container, resourceName))
      add(extended!.resourceClaimName, [requestName]);
  return found;
}

function asksFor({ resources }: Container, resource: string): boolean {
  const quantity = resources?.requests?.[resource];
  return quantity !== undefined && Number.parseFloat(String(quantity)) !== 0;
}
