import { isCriticalPod } from '../../k8s/criticalPod.ts';
import type { Pod } from '../../types/k8s.ts';
import type { Amounts } from '../types.ts';
import type { Shortage } from './fit.ts';

/** A Pod that could be pushed off the node. */
export interface PreemptionCandidate {
  readonly pod: Pod;
  readonly qosClass: string;
  readonly requests: Amounts;
}

/** What a victim is told, in kubelet 1.36's words: its terminal status, its condition and its Warning Event. */
export const PREEMPTED = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  condition: {
    type: 'DisruptionTarget',
    reason: 'TerminationByKubelet',
    message: 'Pod was preempted by Kubelet to accommodate a critical pod.',
  },
} as const;

type Needs = ReadonlyMap<string, bigint>;

/** Whether `preemptor` may push `other` off the node. */
function isPreemptable(preemptor: Pod, other: Pod): boolean {
  if (isCriticalPod(preemptor) && !isCriticalPod(other)) return true;
  const mine = preemptor.spec?.priority;
  const theirs = other.spec?.priority;
  return mine !== undefined && theirs !== undefined && mine > theirs;
}

/** The victims, or the sentence that says why there can be none. */
export type Preemption<C> = { readonly victims: readonly C[] } | { readonly error: string };

/**
 * Chooses which Pods must go so that a critical Pod fits. As few Guaranteed Pods as possible (supposing every other one went),
 * then as few Burstable, then as few BestEffort; inside a class the Pod that covers most of what is still missing goes first,
 * the smaller one of two equals (kubelet's preemption rule).
 */
export function choosePreemption<C extends PreemptionCandidate>(
  preemptor: Pod,
  candidates: readonly C[],
  lacking: readonly Shortage[],
): Preemption<C> {
  const needs = new Map(
    lacking.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]),
  );
  const eligible = candidates.filter((candidate) => isPreemptable(preemptor, candidate.pod));
  const of = (qosClass: string) => eligible.filter((candidate) => candidate.qosClass === qosClass);
  const [bestEffort, burstable, guaranteed] = [of('BestEffort'), of('Burstable'), of('Guaranteed')];

  const unmet = subtract(needs, eligible);
  if (unmet.size > 0) return { error: noVictims(unmet) };
  const fromGuaranteed = chooseByDistance(guaranteed, subtract(needs, [...bestEffort, ...burstable]));
  const fromBurstable = chooseByDistance(burstable, subtract(needs, [...bestEffort, ...fromGuaranteed]));
  const fromBestEffort = chooseByDistance(bestEffort, subtract(needs, [...fromBurstable, ...fromGuaranteed]));
  return { victims: [...fromBestEffort, ...fromBurstable, ...fromGuaranteed] };
}

function noVictims(unmet: Needs): string {
  const list = [...unmet].map(([resource, amount]) => `(res: ${resource}, q: ${amount}), `).join('');
  return `preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${list}]`;
}

/** The caller made sure that all of `pods` together cover `needs`. */
function chooseByDistance<C extends PreemptionCandidate>(pods: readonly C[], needs: Needs): C[] {
  const left = [...pods];
  const chosen: C[] = [];
  for (let rest = needs; rest.size > 0 && left.length > 0; ) {
    let best = 0;
    for (let i = 1; i < left.length; i++) {
      if (isBetter(left[i]!, left[best]!, rest)) best = i;
    }
    const [victim] = left.splice(best, 1);
    chosen.push(victim!);
    rest = subtract(rest, [victim!]);
  }
  return chosen;
}

function isBetter(a: PreemptionCandidate, b: PreemptionCandidate, needs: Needs): boolean {
  const [distanceA, distanceB] = [distance(a, needs), distance(b, needs)];
  if (distanceA !== distanceB) return distanceA < distanceB;
  for (const resource of ['memory', 'cpu']) {
    const [mine, theirs] = [amountOf(a, resource), amountOf(b, resource)];
    if (mine !== theirs) return mine < theirs;
  }
  return false;
}

/** How much of the needs would stay open: the sum of the squared open fractions, each resource weighing the same. */
function distance(candidate: PreemptionCandidate, needs: Needs): number {
  let sum = 0;
  for (const [resource, need] of needs) {
    const open = need - amountOf(candidate, resource);
    if (open > 0n) sum += (Number(open) / Number(need)) ** 2;
  }
  return sum;
}

function subtract(needs: Needs, pods: readonly PreemptionCandidate[]): Needs {
  const rest = new Map<string, bigint>();
  for (const [resource, need] of needs) {
    const open = pods.reduce((left, pod) => left - amountOf(pod, resource), need);
    if (open > 0n) rest.set(resource, open);
  }
  return rest;
}

function amountOf(candidate: PreemptionCandidate, resource: string): bigint {
  return resource === 'pods' ? 1n : (candidate.requests[resource] ?? 0n);
}
