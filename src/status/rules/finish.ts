import { isSidecar } from '../../k8s/containerTotals.ts';
import type { ContainerStatus, PodSpec } from '../../types/k8s.ts';
import { lostContainer } from './containerState.ts';
import { lostWhenTerminated } from './words.ts';

/** The status lists that a finished Pod's containers are reported with. */
export interface FinishedLists {
  readonly containerStatuses: readonly ContainerStatus[];
  readonly initContainerStatuses: readonly ContainerStatus[];
}

/**
 * At the end of a Pod's life, every container that may have run without a known end counts as failed, so that a Pod is never
 * called successful by mistake. Main containers of a Pod that never got through its init containers stay waiting.
 */
export function endUnknownContainers(spec: PodSpec, lists: FinishedLists): FinishedLists {
  const { containerStatuses, initContainerStatuses } = lists;
  const attempted = attemptedInitContainers(initContainerStatuses);
  return {
    containerStatuses: hasInitialized(spec, lists) ? containerStatuses.map(ended) : containerStatuses,
    initContainerStatuses: initContainerStatuses.map((status, index) => (index < attempted ? ended(status) : status)),
  };
}

/** Whether there is evidence that the Pod got past its init containers. */
export function hasInitialized(spec: PodSpec, lists: FinishedLists): boolean {
  if (!spec.initContainers?.length) return true;
  if (lists.containerStatuses.some((s) => s.lastState?.terminated || !s.state?.waiting)) return true;
  const last = lists.initContainerStatuses.at(-1);
  const container = spec.initContainers[lists.initContainerStatuses.length - 1];
  if (!last || container?.name !== last.name) return false;
  if (isSidecar(container)) return !!last.state?.running && last.started === true;
  return last.lastState?.terminated?.exitCode === 0 || last.state?.terminated?.exitCode === 0;
}

/** All but the last ones that show no sign of a start; at least one. */
export function attemptedInitContainers(statuses: readonly ContainerStatus[]): number {
  const last = statuses.findLastIndex((s) => !s.state?.waiting || s.lastState?.terminated);
  return Math.max(last + 1, Math.min(statuses.length, 1));
}

function ended(status: ContainerStatus): ContainerStatus {
  if (status.state?.terminated) return status;
  return { ...status, state: { terminated: lostContainer(lostWhenTerminated) }, ready: false, started: false };
}
