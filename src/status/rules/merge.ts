import type { PodStatus } from '../../types/k8s.ts';
import type { StatusInput } from './input.ts';
import { previousStatus } from './input.ts';
import type { PodPhase } from './phase.ts';
import { isTerminal } from './phase.ts';

/** The phase with its reason and message, and the phase that conditions speak of. */
export interface PhaseDecision {
  readonly phase: PodPhase;
  readonly reason?: string;
  readonly message?: string;
  /** What the phase will be once it may be written: terminal as soon as the Pod's end is certain. */
  readonly comingPhase: PodPhase;
  readonly conditionPhase: PodPhase;
  /** The terminal phase appears in this status for the first time. */
  readonly turnsTerminal: boolean;
}

/**
 * Merges the phase that containers stand for with what was reported before and with who ends the Pod. A terminal phase is
 * never left, and appears only when all containers are stopped: other controllers then hand out what the Pod held.
 */
export function decidePhase(input: StatusInput, natural: PodPhase, isStatic: boolean): PhaseDecision {
  const before = previousStatus(input);
  const kept = terminalBefore(input);
  const coming = kept ?? endPhase(input, natural, isStatic);
  const byOther = !kept && input.ended !== undefined;
  const words = byOther && coming === 'Failed' ? endWords(input) : wordsFor(coming, before, input);
  const withheld = !kept && isTerminal(coming) && !input.finished;
  // A deadline makes a Pod not ready at once; an evicted one keeps its readiness while its containers stop.
  const early = input.ended?.reason === 'DeadlineExceeded';
  const conditionPhase = withheld && byOther && !early ? natural : coming;
  if (!withheld) {
    return { phase: coming, ...words, comingPhase: coming, conditionPhase, turnsTerminal: !kept && isTerminal(coming) };
  }
  const phase = (before.phase || input.pod.status?.phase || 'Pending') as PodPhase;
  return { phase, ...wordsFor(phase, before, input), comingPhase: coming, conditionPhase, turnsTerminal: false };
}

/** The terminal phase that the API server or an earlier turn already has. */
export function terminalBefore(input: StatusInput): PodPhase | undefined {
  const known = [input.pod.status?.phase, input.previous?.phase];
  return known.find(isTerminal);
}

/** The reason of a Pod that made room for a critical one. Its phase is what its containers' ends stand for: Succeeded if all ended with 0. */
const preempted = 'Preempting';

function endPhase(input: StatusInput, natural: PodPhase, isStatic: boolean): PodPhase {
  if (input.ended && input.ended.reason !== preempted) return 'Failed';
  // A Pod whose life is over without a verdict of its own never did its work.
  if (input.terminating && input.finished && !isStatic && !isTerminal(natural)) return 'Failed';
  return natural;
}

function endWords({ ended }: StatusInput): { reason?: string; message?: string } {
  return { ...(ended?.reason ? { reason: ended.reason } : {}), ...(ended?.message ? { message: ended.message } : {}) };
}

// Reason and message belong to a phase: kept with it, dropped when it changes.
function wordsFor(phase: string, before: PodStatus, input: StatusInput): { reason?: string; message?: string } {
  if (phase !== before.phase && phase !== input.pod.status?.phase) return {};
  const source = phase === before.phase ? before : {};
  const reason = source.reason || input.pod.status?.reason;
  const message = source.message || input.pod.status?.message;
  return { ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
}
