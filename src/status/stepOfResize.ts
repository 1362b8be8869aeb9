import type { ContainerStatus, PodStatus } from '../types/k8s.ts';
import { buildStatusPatch } from './patch.ts';

/**
 * Whether a status says no more than that a resize is under way, without an error: its end, most often within the time for which a
 * status may be held back, is a status of its own. The Go kubelet writes both, or only the last when it is quick enough.
 */
export function isStepOfResize(accepted: PodStatus | undefined, status: PodStatus): boolean {
  const progress = status.conditions?.find(({ type }) => type === 'PodResizeInProgress');
  if (!accepted || !progress || progress.reason === 'Error') return false;
  return buildStatusPatch(withoutResources(accepted), withoutResources(status), '') === null;
}

function withoutResources(status: PodStatus): PodStatus {
  const { observedGeneration: _, resources, allocatedResources, conditions, ...rest } = status;
  const { containerStatuses, initContainerStatuses } = status;
  const others = conditions?.filter(({ type }) => !type.startsWith('PodResize'));
  return {
    ...rest,
    ...(others && { conditions: others.map(({ observedGeneration, ...condition }) => condition) }),
    ...(containerStatuses && { containerStatuses: containerStatuses.map(withoutOwn) }),
    ...(initContainerStatuses && { initContainerStatuses: initContainerStatuses.map(withoutOwn) }),
  };
}

function withoutOwn({ resources, allocatedResources, ...status }: ContainerStatus): ContainerStatus {
  return status;
}
