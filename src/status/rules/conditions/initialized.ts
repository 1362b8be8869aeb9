import { isSidecar } from '../../../k8s/containerTotals.ts';
import type { Container, ContainerStatus, PodCondition, PodSpec } from '../../../types/k8s.ts';
import type { ConditionVerdict } from './verdict.ts';
import { complaint, no, yes } from './verdict.ts';

/** Initialized: every init container succeeded and every sidecar started, once; it never becomes False again. */
export function podInitialized(
  spec: PodSpec,
  before: readonly PodCondition[],
  statuses: readonly ContainerStatus[] | undefined,
  phase: string | undefined,
): ConditionVerdict {
  const initContainers = spec.initContainers ?? [];
  if (!statuses && initContainers.length > 0) return no('UnknownContainerStatuses');
  const byName = new Map((statuses ?? []).map((status) => [status.name, status]));
  const unknown = initContainers.filter((c) => !byName.has(c.name)).map((c) => c.name);
  const incomplete = initContainers.filter((c) => isIncomplete(c, byName.get(c.name))).map((c) => c.name);
  if (phase === 'Succeeded' && unknown.length === 0) return yes('PodCompleted');
  // A main container that ran proves it, whatever sidecars do meanwhile.
  if (spec.containers.some((c) => hasRun(byName.get(c.name)))) return yes();
  const message = complaint({ unknown, incomplete });
  if (!message) return yes();
  const wasTrue = before.some((c) => c.type === 'Initialized' && c.status === 'True');
  return wasTrue ? yes() : no('ContainersNotInitialized', message);
}

function isIncomplete(container: Container, status: ContainerStatus | undefined): boolean {
  if (!status) return false;
  return isSidecar(container) ? status.started !== true : !status.ready;
}

function hasRun(status: ContainerStatus | undefined): boolean {
  return !!status?.state?.running || !!status?.state?.terminated;
}
