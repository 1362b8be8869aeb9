import type { TerminateRequest } from '../../pods/facts.ts';
import { isTerminal } from '../../status/rules/phase.ts';
import type { Pod } from '../../types/k8s.ts';
import { deadlineOf } from './active.ts';
import type { PodFacts } from './facts.ts';
import type { Termination } from './memory.ts';
import { ownGrace } from './stop.ts';
import { terminationCauses } from './terminationCauses.ts';
import type { Turn } from './turn.ts';

/** Grace of a Pod that only the runtime knows (kubelet's orphan kill). */
const orphanGraceSeconds = 1;

/** Every present wish to end the Pod: those of others in the facts, and those that the Pod itself carries. */
export function terminationRequests(turn: Turn, pod: Pod | null): TerminateRequest[] {
  const { facts, now } = turn;
  const requests: TerminateRequest[] = [...facts.terminate];
  if (!pod)
    return facts.sourcesReady ? [...requests, { cause: 'orphaned', graceSeconds: orphanGraceSeconds }] : requests;
  const meta = pod.metadata;
  if (meta?.deletionTimestamp) {
    const grace = meta.deletionGracePeriodSeconds;
    requests.push({ cause: 'deleted', ...(grace === undefined ? {} : { graceSeconds: grace }) });
  } else if (facts.gone) requests.push({ cause: 'removed' });
  const deadline = hasEnded(facts) ? undefined : deadlineOf(turn, pod);
  if (deadline !== undefined && deadline <= now.wall) {
    requests.push({
      cause: 'deadline',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
  }
  return requests;
}

/** The API's word that the Pod is over holds, over a restart too: what runs of it is ended, and nothing may start again. */
export function hasEnded(facts: PodFacts): boolean {
  const phase = facts.origin === 'api' ? facts.pod?.status?.phase : undefined;
  return isTerminal(phase);
}

/**
 * Merges requests: grace only shrinks, the first cause keeps its words . How short it may be at least is said by the cause
 * that ends the Pod.
 */
export function mergeTermination(
  turn: Turn,
  pod: Pod | null,
  requests: readonly TerminateRequest[],
): Termination | undefined {
  let merged = turn.memory.termination;
  const own = ownGrace(pod);
  for (const request of requests) {
    const least = merged ? 1 : terminationCauses[request.cause].leastGraceSeconds;
    const graceSeconds = Math.max(least, request.graceSeconds ?? own);
    if (!merged) merged = first(request, graceSeconds, turn.now.wall);
    else if (graceSeconds < merged.graceSeconds) {
      merged = { ...merged, graceSeconds, deadline: Math.min(merged.deadline, turn.now.wall + graceSeconds * 1000) };
    }
  }
  return merged;
}

function first(request: TerminateRequest, graceSeconds: number, wall: number): Termination {
  return {
    cause: request.cause,
    graceSeconds,
    since: wall,
    deadline: wall + graceSeconds * 1000,
    ...(request.reason !== undefined ? { reason: request.reason } : {}),
    ...(request.message !== undefined ? { message: request.message } : {}),
    ...(request.condition ? { condition: request.condition } : {}),
  };
}
