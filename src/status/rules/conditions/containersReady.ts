import { isSidecar } from '../../../k8s/containerTotals.ts';
import type { ContainerStatus, PodCondition, PodSpec } from '../../../types/k8s.ts';
import type { ConditionVerdict } from './verdict.ts';
import { complaint, no, yes } from './verdict.ts';

/** ContainersReady: every main container and sidecar is ready; never in a terminal phase. */
export function containersReady(
  spec: PodSpec,
  statuses: readonly ContainerStatus[] | undefined,
  phase: string | undefined,
): ConditionVerdict {
  if (!statuses) return no('UnknownContainerStatuses');
  const byName = new Map(statuses.map((status) => [status.name, status]));
  const names = [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers].map((c) => c.name);
  const unknown = names.filter((name) => !byName.has(name));
  if (phase === 'Succeeded' && unknown.length === 0) return no('PodCompleted');
  if (phase === 'Failed') return no('PodFailed');
  const unready = names.filter((name) => byName.get(name)?.ready === false);
  const message = complaint({ unknown, unready });
  return message ? no('ContainersNotReady', message) : yes();
}

/** Ready: ContainersReady and every readiness gate's condition True (KEP-580). */
export function podReady(
  spec: PodSpec,
  conditions: readonly PodCondition[],
  statuses: readonly ContainerStatus[] | undefined,
  phase: string | undefined,
): ConditionVerdict {
  const containers = containersReady(spec, statuses, phase);
  if (containers.status !== 'True') return containers;
  const complaints = (spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = conditions.find((c) => c.type === conditionType);
    if (!condition) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status === 'True') return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  return complaints.length > 0 ? no('ReadinessGatesNotReady', complaints.join(', ')) : yes();
}
