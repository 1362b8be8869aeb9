import { KubeletError } from '../lib/errors.ts';
import type { Pod, ResourceFieldSelector, ResourceRequirements } from '../types/k8s.ts';
import { amountOf, milliValue, wholeValue } from './resourceAmounts.ts';

type ResourceList = Readonly<Record<string, string>>;

/** Limits that the downward API fills in where a container has none. Huge pages always have one. */
const DEFAULTED = ['cpu', 'memory', 'ephemeral-storage'] as const;
const WHOLE_UNITS = new Set(['memory', 'ephemeral-storage']);

/**
 * The number that a resourceFieldRef stands for: the container's limit or request, in units of the divisor, rounded up; CPU
 * is counted in thousandths. An absent amount is 0. Throws the API's sentence for a resource that is not offered.
 */
export function resourceFieldValue(selector: ResourceFieldSelector, resources: ResourceRequirements): string {
  const dot = selector.resource.indexOf('.');
  const side = selector.resource.slice(0, dot);
  const name = selector.resource.slice(dot + 1);
  const isCPU = name === 'cpu';
  const isOffered = isCPU || WHOLE_UNITS.has(name) || name.startsWith('hugepages-');
  if ((side !== 'limits' && side !== 'requests') || !isOffered) {
    const message = `unsupported container resource : ${selector.resource}`;
    throw new KubeletError(message, { code: 'InvalidResourceField' });
  }
  const unitsOf = isCPU ? milliValue : wholeValue;
  const divisor = amountOf({ divisor: selector.divisor ?? '1' }, 'divisor');
  const unit = divisor === 0n ? unitsOf(1_000_000_000n) : unitsOf(divisor);
  return BigInt(Math.ceil(unitsOf(amountOf(resources[side], name)) / unit)).toString();
}

/**
 * A container's resources with the limits that bound it anyway: the node's allocatable, or the Pod's own limit where it has one.
 * This is what environment variables see; downward API volumes take withNodeLimits.
 */
export function withDefaultLimits(
  pod: Pod,
  resources: ResourceRequirements | undefined,
  allocatable: ResourceList,
): ResourceRequirements {
  const bounds: Record<string, string> = { ...allocatable };
  for (const name of ['cpu', 'memory']) {
    const limit = pod.spec?.resources?.limits?.[name];
    if (limit !== undefined && bounds[name] !== undefined && amountOf({ limit }, 'limit') !== 0n) bounds[name] = limit;
  }
  return withNodeLimits(resources, bounds);
}

/** A container's resources where a limit that is absent or zero is the node's allocatable. */
export function withNodeLimits(
  resources: ResourceRequirements | undefined,
  allocatable: ResourceList,
): ResourceRequirements {
  const limits: Record<string, string> = { ...resources?.limits };
  for (const name of DEFAULTED) {
    const bound = allocatable[name];
    if (bound !== undefined && amountOf(limits, name) === 0n) limits[name] = bound;
  }
  return { ...resources, limits };
}
