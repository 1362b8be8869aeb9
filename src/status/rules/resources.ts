import type { ObservedContainer } from '../../cri/observed.ts';
import { formatQuantity, quantityOf, quantityOfMilli } from '../../k8s/quantity.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import type { Container, ContainerStatus, ResourceRequirements } from '../../types/k8s.ts';
import type { StatusInput } from './input.ts';
import { milliOf } from './quantity.ts';

type ResourceList = Readonly<Record<string, string>>;

/** Resources as they are in force, in the API's words; what is not known is absent. */
export interface ActualResources {
  readonly cpuRequest?: string;
  readonly cpuLimit?: string;
  readonly memoryRequest?: string;
  readonly memoryLimit?: string;
}

// The kernel's smallest cpu.shares and the smallest quota of 1 ms in 100 ms. Below them requested and real differ by nature.
const minShares = 2;
const minMilliCpuLimit = 10;

/**
 * `allocatedResources` and `resources` of a container's status (KEP-1287): for a running container what is in force, for any
 * other what is allocated. A value that is unknown now keeps what was reported of the same running container.
 */
export function containerResources(
  container: Container,
  observed: ObservedContainer,
  old: ContainerStatus | undefined,
  input: StatusInput,
  containerID: string,
): Pick<ContainerStatus, 'allocatedResources' | 'resources'> {
  const allocated = container.resources ?? {};
  const requests = allocated.requests;
  const both = requests && Object.keys(requests).length > 0 ? { allocatedResources: requests } : {};
  if (observed.state !== 'running') return { ...both, resources: allocated };
  const sameRun = old?.state?.running && old.containerID === containerID;
  const known = sameRun ? old.resources : undefined;
  const actual = actualResources(observed, ownEntry(input.actuated, container.name));
  return { ...both, resources: resourcesInForce(allocated, actual, known) };
}

/** What the runtime reports as applied; what it does not report, from what the kubelet applied. */
export function actualResources(
  { resources }: ObservedContainer,
  actuated: ResourceRequirements | undefined,
): ActualResources {
  const memoryRequest = actuated?.requests?.memory;
  const applied = { ...(memoryRequest ? { memoryRequest } : {}) };
  if (!resources) {
    const { cpu: cpuRequest } = actuated?.requests ?? {};
    const { cpu: cpuLimit, memory: memoryLimit } = actuated?.limits ?? {};
    return {
      ...applied,
      ...(cpuRequest && { cpuRequest }),
      ...(cpuLimit && { cpuLimit }),
      ...(memoryLimit && { memoryLimit }),
    };
  }
  const { cpuShares = 0, cpuQuota = 0, cpuPeriod = 0, memoryLimitBytes = 0 } = resources;
  const request = cpuShares >= minShares ? Math.ceil((cpuShares * 1000) / 1024) : 0;
  const limit = cpuPeriod > 0 && cpuQuota > 0 ? Math.floor((cpuQuota * 1000) / cpuPeriod) : 0;
  return {
    ...applied,
    ...(request > 0 ? { cpuRequest: formatQuantity(quantityOfMilli(request)) } : {}),
    ...(limit > 0 ? { cpuLimit: formatQuantity(quantityOfMilli(limit)) } : {}),
    ...(memoryLimitBytes > 0 ? { memoryLimit: formatQuantity(quantityOf(BigInt(memoryLimitBytes), 'BinarySI')) } : {}),
  };
}

/** Allocated resources with CPU and memory replaced by what is in force. A list that is not allocated stays absent. */
export function resourcesInForce(
  allocated: ResourceRequirements,
  actual: ActualResources,
  known: ResourceRequirements | undefined,
): ResourceRequirements {
  const { limits, requests } = allocated;
  return {
    ...allocated,
    ...(limits && {
      limits: mergeList(limits, known?.limits, actual.cpuLimit, actual.memoryLimit, minMilliCpuLimit),
    }),
    ...(requests && {
      requests: mergeList(requests, known?.requests, actual.cpuRequest, actual.memoryRequest, minShares),
    }),
  };
}

/** The list with its `cpu` and `memory` as in force: the value seen, else the one reported before, else the allocated one. */
export function mergeList(
  allocated: ResourceList,
  known: ResourceList | undefined,
  cpu: string | undefined,
  memory: string | undefined,
  smallestCpu: number,
): ResourceList {
  const result: Record<string, string> = { ...allocated };
  if (cpu === undefined) {
    if (known?.cpu !== undefined) result.cpu = known.cpu;
  } else if (milliOf(cpu) > smallestCpu || milliOf(allocated.cpu) > smallestCpu) {
    result.cpu = cpu;
  }
  const inForce = memory ?? known?.memory;
  if (inForce !== undefined) result.memory = inForce;
  return result;
}
