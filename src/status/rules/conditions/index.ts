import { rfc3339 } from '../../../k8s/rfc3339.ts';
import type { ContainerStatus, PodCondition, PodSpec } from '../../../types/k8s.ts';
import type { BareCondition, ResizeCondition, StatusInput } from '../input.ts';
import { previousStatus } from '../input.ts';
import { canRestartAllContainers } from '../restartPolicy.ts';
import { disruptionTarget, kubeletConditionTypes } from '../words.ts';
import { allContainersRestarting } from './allContainersRestarting.ts';
import { containersReady, podReady } from './containersReady.ts';
import { podInitialized } from './initialized.ts';
import type { ConditionVerdict } from './verdict.ts';
import { no, yes } from './verdict.ts';

/** What conditions are derived from, beside the input. */
export interface ConditionFacts {
  readonly spec: PodSpec;
  /** Init and main containers. */
  readonly statuses: readonly ContainerStatus[];
  /** The phase that Ready and the like speak of; may be terminal before it is written. */
  readonly phase: string;
  /** A terminal phase is being written for the first time, because of `input.ended`. */
  readonly endsNow: boolean;
  readonly restartingAll: boolean;
}

/** All conditions: other writers' as the API shows them, then the kubelet's own in its order. */
export function podConditions(input: StatusInput, facts: ConditionFacts): PodCondition[] {
  const before = previousStatus(input).conditions ?? [];
  const foreign = foreignConditions(input);
  const { spec, statuses, phase } = facts;
  const own: BareCondition[] = [
    bare('PodReadyToStartContainers', readyToStart(input, before), input),
    bare('Initialized', podInitialized(spec, before, statuses, phase), input),
    bare('Ready', podReady(spec, foreign, statuses, phase), input),
    bare('ContainersReady', containersReady(spec, statuses, phase), input),
    bare('PodScheduled', yes(), input),
  ];
  if (canRestartAllContainers(spec)) {
    // The only one without observedGeneration, as in kubelet 1.36.
    own.push({ type: 'AllContainersRestarting', ...allContainersRestarting(phase, facts.restartingAll) });
  }
  const resize = input.finished ? [] : (input.resizeConditions ?? []);
  return [
    ...withDisruption(foreign, before, input, facts.endsNow),
    ...resize.map((condition) => resizeCondition(condition, before, input.now)),
    ...own.map((condition) => withTransitionTime(condition, before, input.now)),
  ];
}

// A sandbox that was not looked for yet is not missing: what was said last stays.
function readyToStart(input: StatusInput, before: readonly PodCondition[]): ConditionVerdict {
  const known = before.some((c) => c.type === 'PodReadyToStartContainers' && c.status === 'True');
  return (input.runtime ? input.readyToStartContainers : known) ? yes() : no();
}

/** Conditions of other writers, DisruptionTarget included. */
export function foreignConditions(input: StatusInput): readonly PodCondition[] {
  return (input.pod.status?.conditions ?? []).filter((c) => !kubeletConditionTypes.has(c.type));
}

// DisruptionTarget goes out only together with a terminal phase: before that, the Pod could still survive, and a Job would
// already count it. Its transition time is that of the end.
function withDisruption(
  foreign: readonly PodCondition[],
  before: readonly PodCondition[],
  input: StatusInput,
  endsNow: boolean,
): PodCondition[] {
  const kept = before.find((c) => c.type === disruptionTarget) ?? foreign.find((c) => c.type === disruptionTarget);
  const others = foreign.filter((c) => c.type !== disruptionTarget);
  const wanted = endsNow ? input.ended?.condition : undefined;
  if (!wanted) return kept ? [...others, kept] : others;
  const { type, reason, message } = wanted;
  return [...others, withTransitionTime(bare(type, yes(reason, message), input), kept ? [kept] : [], input.now)];
}

function bare(type: string, verdict: ConditionVerdict, input: StatusInput): BareCondition {
  const generation = input.pod.metadata?.generation;
  return { type, ...(generation ? { observedGeneration: generation } : {}), ...verdict };
}

function withTransitionTime(condition: BareCondition, before: readonly PodCondition[], now: number): PodCondition {
  const old = before.find((c) => c.type === condition.type);
  const kept = old?.status === condition.status ? old.lastTransitionTime : undefined;
  return { ...condition, lastTransitionTime: kept ?? rfc3339(now) };
}

// A resize condition is always True; what changes is its reason.
function resizeCondition(wanted: ResizeCondition, before: readonly PodCondition[], now: number): PodCondition {
  const old = before.find((c) => c.type === wanted.type);
  const same = old && (old.reason ?? '') === (wanted.reason ?? '');
  const unchanged = same && (old.message ?? '') === (wanted.message ?? '');
  const time = rfc3339(now);
  return {
    ...wanted,
    status: 'True',
    lastProbeTime: (unchanged && old.lastProbeTime) || time,
    lastTransitionTime: (same && old.lastTransitionTime) || time,
  };
}
