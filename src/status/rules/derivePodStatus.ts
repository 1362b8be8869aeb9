import { podQOS } from '../../k8s/qos.ts';
import { rfc3339 } from '../../k8s/rfc3339.ts';
import type { ContainerStatus, PodSpec, PodStatus } from '../../types/k8s.ts';
import type { ConditionFacts } from './conditions/index.ts';
import { foreignConditions, podConditions } from './conditions/index.ts';
import { containerStatuses } from './containerStatuses.ts';
import { endUnknownContainers } from './finish.ts';
import type { StatusInput } from './input.ts';
import { previousStatus } from './input.ts';
import { decidePhase, terminalBefore } from './merge.ts';
import type { PodPhase } from './phase.ts';
import { phaseOf } from './phase.ts';
import { addresses } from './podIPs.ts';
import { podLevelResources } from './podResources.ts';
import { withHealth, withInitHealth } from './readiness.ts';
import { restartAllState } from './restartAll.ts';
import { messageBudget, withinBudget } from './terminationMessages.ts';
import { refuseRevival } from './transitions.ts';

/** A status, and the phase it will have once all containers are stopped. */
export interface DerivedStatus {
  readonly status: PodStatus;
  /** Terminal as soon as the Pod's end is certain, though `status.phase` waits for `finished`: time to end the Pod. */
  readonly comingPhase: PodPhase;
}

/**
 * The Pod's status as kubelet 1.36 would report it. Pure; deriving again with the result as `previous` gives the same status.
 * Lists that other owners write (resourceClaimStatuses …) are left out.
 */
export function derivePodStatus(input: StatusInput): PodStatus {
  return deriveStatus(input).status;
}

/** As `derivePodStatus`, with the phase that is coming. */
export function deriveStatus(input: StatusInput): DerivedStatus {
  // A Pod that already ended before a restart is past admission, whatever the verdict would be now.
  if (input.rejected && terminalBefore(input) !== 'Succeeded')
    return { status: rejectedStatus(input, input.rejected), comingPhase: 'Failed' };
  const spec = input.pod.spec ?? { containers: [] };
  const restartAll = restartAllState(input, spec);
  const lists = judgedLists(input, spec, restartAll.restarting);
  const main = [...lists.containerStatuses, ...lists.initContainerStatuses];
  const decision = decidePhase(input, naturalPhase(input, spec, main), isStaticPod(input));
  const facts: ConditionFacts = {
    spec,
    statuses: main,
    phase: decision.conditionPhase,
    endsNow: decision.turnsTerminal,
    restartingAll: restartAll.condition,
  };
  const { phase, reason, message } = decision;
  const { containerStatuses: mainStatuses, initContainerStatuses, ephemeralContainerStatuses } = lists;
  const status: PodStatus = {
    ...common(input),
    phase,
    ...(reason ? { reason } : {}),
    ...(message ? { message } : {}),
    ...addresses(input),
    conditions: podConditions(input, facts),
    containerStatuses: mainStatuses,
    ...(initContainerStatuses.length > 0 ? { initContainerStatuses } : {}),
    ...(ephemeralContainerStatuses.length > 0 ? { ephemeralContainerStatuses } : {}),
    ...podLevelResources(input, spec, phase),
  };
  return { status, comingPhase: decision.comingPhase };
}

// A rejected Pod has nothing but the verdict: no addresses, containers or kubelet conditions.
function rejectedStatus(input: StatusInput, { reason, message }: { reason: string; message: string }): PodStatus {
  const conditions = foreignConditions(input);
  const status: PodStatus = { ...common(input), phase: 'Failed', reason, message: `Pod was rejected: ${message}` };
  return conditions.length > 0 ? { ...status, conditions } : status;
}

function common(input: StatusInput): PodStatus {
  const before = previousStatus(input);
  const generation = Math.max(input.pod.metadata?.generation ?? 0, before.observedGeneration ?? 0);
  return {
    qosClass: podQOS(input.pod),
    startTime: before.startTime ?? rfc3339(input.now),
    ...(generation > 0 ? { observedGeneration: generation } : {}),
  };
}

interface Lists {
  readonly containerStatuses: readonly ContainerStatus[];
  readonly initContainerStatuses: readonly ContainerStatus[];
  readonly ephemeralContainerStatuses: readonly ContainerStatus[];
}

function judgedLists(input: StatusInput, spec: PodSpec, restartingAll: boolean): Lists {
  const before = previousStatus(input);
  const raw = containerStatuses(input, spec, restartingAll);
  const main = refuseRevival(spec.containers, before.containerStatuses, raw.containerStatuses, spec);
  const init = refuseRevival(spec.initContainers, before.initContainerStatuses, raw.initContainerStatuses, spec);
  const judged = {
    containerStatuses: main.map((status) => withHealth(status, input)),
    initContainerStatuses: init.map((status) => withInitHealth(status, spec, input)),
  };
  const over = input.terminating && input.finished;
  const ended = over ? endUnknownContainers(spec, judged) : judged;
  const budget = messageBudget(spec);
  const cut = (status: ContainerStatus) => withinBudget(status, budget);
  return {
    containerStatuses: ended.containerStatuses.map(cut),
    initContainerStatuses: ended.initContainerStatuses.map(cut),
    ephemeralContainerStatuses: raw.ephemeralContainerStatuses.map(cut),
  };
}

function naturalPhase(input: StatusInput, spec: PodSpec, statuses: readonly ContainerStatus[]): PodPhase {
  const { runtime } = input;
  // Nothing was read yet: the phase reported last still holds.
  if (!runtime) return (previousStatus(input).phase || 'Pending') as PodPhase;
  const active = runtime.sandboxes[0]?.ready ? runtime.sandboxes[0].id : undefined;
  const names = new Set(spec.containers.map((c) => c.name));
  const initialized =
    active !== undefined && runtime.containers.some((c) => c.sandboxId === active && names.has(c.name));
  const over = input.terminating && input.finished;
  return phaseOf(spec, statuses, { over, initialized, isStatic: isStaticPod(input) });
}

function isStaticPod({ pod }: StatusInput): boolean {
  const source = pod.metadata?.annotations?.['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}
