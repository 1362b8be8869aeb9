import { isExtendedResource } from '../../k8s/extendedResource.ts';
import { podRequests } from '../../k8s/podResources.ts';
import { computePodQOS } from '../../k8s/qos.ts';
import { amountsOf, type ResourceAmounts } from '../../k8s/resourceAmounts.ts';
import type { Container, Pod, StoredPod } from '../../types/k8s.ts';
import type { Amounts } from '../types.ts';

const NANO_PER_MILLI = 1_000_000n;
const NANO_PER_UNIT = 1_000_000_000n;

/** Exact amounts in the scheduler's units: cpu in thousandths, the rest whole, each rounded up. */
function toAmounts(exact: ResourceAmounts): Amounts {
  const amounts: Record<string, bigint> = {};
  for (const [resource, nano] of exact) {
    const step = resource === 'cpu' ? NANO_PER_MILLI : NANO_PER_UNIT;
    amounts[resource] = nano > 0n ? (nano + step - 1n) / step : nano / step;
  }
  return amounts;
}

/** Node allocatable (or capacity) as the API writes it, in the scheduler's units. */
export function allocatableAmounts(list: Readonly<Record<string, string>> | undefined): Amounts {
  return toAmounts(amountsOf(list));
}

/** All that a Pod requests (init containers, sidecars, Pod level and overhead included) and its QoS class. */
export function measure(pod: StoredPod): { readonly requests: Amounts; readonly qosClass: string } {
  return { requests: toAmounts(podRequests(pod)), qosClass: computePodQOS(pod) };
}

/**
 * What a Pod requests of this node: as `measure`, but its containers' extended resources count only if the node knows them.
 * Those it does not know are the cluster's (or come from DRA), and somebody else has seen to them.
 */
export function knownRequests(pod: StoredPod, allocatable: Amounts): Amounts {
  const fromDra = new Set(
    pod.status?.extendedResourceClaimStatus?.requestMappings.map((one) => `${one.containerName}/${one.resourceName}`),
  );
  const isForeign = (container: string, resource: string) =>
    (isExtendedResource(resource) && !Object.hasOwn(allocatable, resource)) || fromDra.has(`${container}/${resource}`);
  const strip = (container: Container): Container => {
    const requests = Object.entries(container.resources?.requests ?? {});
    const known = requests.filter(([resource]) => !isForeign(container.name, resource));
    if (known.length === requests.length) return container;
    return { ...container, resources: { ...container.resources, requests: Object.fromEntries(known) } };
  };
  const { containers, initContainers = [] } = pod.spec;
  const stripped: Pod = {
    spec: { ...pod.spec, containers: containers.map(strip), initContainers: initContainers.map(strip) },
  };
  return toAmounts(podRequests(stripped));
}
