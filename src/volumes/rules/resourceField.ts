import { amountOf } from '../../k8s/resourceAmounts.ts';
import { resourceFieldValue as fieldOf } from '../../k8s/resourceField.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { Quantity, ResourceFieldSelector, ResourceRequirements, StoredPod } from '../../types/k8s.ts';

const DEFAULTED = ['cpu', 'memory', 'ephemeral-storage'] as const;

/**
 * A container's request or limit as the downward API writes it into a file. A limit that is missing or zero is what the node could
 * give at most. (In environment variables a Pod-level limit comes first; the Go kubelet does not look at it for volumes.)
 */
export function resourceFieldValue(
  pod: StoredPod,
  selector: ResourceFieldSelector,
  nodeAllocatable: Readonly<Record<string, Quantity>>,
): string {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const container = containers.find(({ name }) => name === selector.containerName);
  if (!container) {
    throw new KubeletError(`container ${selector.containerName ?? ''} not found`, { code: 'NoSuchContainer' });
  }
  return fieldOf(selector, withNodeLimits(container.resources ?? {}, nodeAllocatable));
}

function withNodeLimits(
  resources: ResourceRequirements,
  nodeAllocatable: Readonly<Record<string, Quantity>>,
): ResourceRequirements {
  const limits: Record<string, Quantity> = { ...resources.limits };
  for (const name of DEFAULTED) {
    if (nodeAllocatable[name] !== undefined && amountOf(resources.limits, name) === 0n)
      limits[name] = nodeAllocatable[name];
  }
  return { ...resources, limits };
}
