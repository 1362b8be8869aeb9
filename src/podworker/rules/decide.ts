import type { PodEvent } from '../../events/event.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { LifePhase } from '../../pods/facts.ts';
import type { Reason } from '../../timeline/reasons.ts';
import type { PodStatus } from '../../types/k8s.ts';
import type { Action } from './actions.ts';
import { planActive, planAdmission, rejection } from './active.ts';
import { planCheckpoint } from './checkpointed.ts';
import { planCleaning, planFinished, terminalStatusAccepted } from './cleaning.ts';
import { followClock } from './clockStep.ts';
import { planCpuSets } from './cpuSets.ts';
import type { Now, PodFacts } from './facts.ts';
import { tellOtherFamily, tellUnreadable } from './kubeletEvents.ts';
import type { PodMemory, Termination } from './memory.ts';
import { planMirror } from './mirror.ts';
import { statusOf } from './podStatus.ts';
import { prune } from './prune.ts';
import { ownGrace } from './stop.ts';
import { hasEnded, mergeTermination, terminationRequests } from './terminate.ts';
import { planTermination } from './terminating.ts';
import { terminationCauses } from './terminationCauses.ts';
import { because, emitOnce, openTurn, type Turn } from './turn.ts';
import { keepWaiting } from './waiting.ts';

/** How long a Pod that the rules cannot handle is left alone, unless something of it changes. */
const defectPauseMs = 10_000;

/** What one turn of a Pod's worker concludes. */
export interface Decision {
  readonly memory: PodMemory;
  /** null when only the runtime knows the Pod: it has no status to write. */
  readonly status: PodStatus | null;
  readonly start: readonly Action[];
  /** Slots whose running action is no longer wanted. */
  readonly abort: readonly string[];
  /** Look again at this monotonic ms at the latest; null: an event will wake. */
  readonly wakeAt: number | null;
  /** What holds the Pod back, in the order it was found. Empty: nothing does. */
  readonly reasons: readonly Reason[];
  readonly events: readonly PodEvent[];
  /** Nothing of the Pod is left anywhere: the worker may end. */
  readonly done: boolean;
}

/**
 * The heart of the node agent: one pure step of one Pod (docs/architecture.md). Facts in, actions and reasons out; no
 * clock, no I/O; the same inputs always give the same result, so that every recorded decision can be replayed.
 */
export function decide(facts: PodFacts, memory: PodMemory, now: Now): Decision {
  try {
    return conclude(facts, memory, now);
  } catch (error) {
    // A defect of ours meets this Pod only: thrown further, it would end the agent, and at each start again.
    return standStill(memory, now, errorMessage(error));
  }
}

/** Changes nothing, says so, and looks again. */
function standStill(memory: PodMemory, now: Now, message: string): Decision {
  const nothing = { status: null, start: [], abort: [], events: [], done: false };
  return { ...nothing, memory, wakeAt: now.mono + defectPauseMs, reasons: [{ code: 'InternalError', message }] };
}

function conclude(facts: PodFacts, memory: PodMemory, now: Now): Decision {
  const turn = openTurn(facts, memory, now);
  followClock(turn);
  const done = step(turn);
  if (turn.memory.phase === 'Active' || turn.memory.phase === 'Terminating') planCpuSets(turn);
  if (facts.pod && turn.memory.phase === 'Active') keepWaiting(turn, facts.pod);
  const status = facts.pod && facts.origin !== 'runtime' && !facts.nameTakenBy ? statusOf(turn, facts.pod) : null;
  if (status) {
    tellOtherFamily(turn);
    turn.memory.status = status;
    explainStatus(turn, status);
  }
  prune(turn);
  planCheckpoint(turn);
  return {
    memory: turn.memory,
    status,
    start: turn.start,
    abort: [...turn.abort],
    wakeAt: Number.isFinite(turn.wakeAt) ? turn.wakeAt : null,
    reasons: turn.reasons,
    events: turn.events,
    done,
  };
}

/** Walks the Pod through as many phases as this snapshot allows. Returns true when nothing is left of it. */
function step(turn: Turn): boolean {
  const { facts } = turn;
  if (facts.nameTakenBy) {
    because(turn, { code: 'NameTaken', by: facts.nameTakenBy });
    return facts.gone;
  }
  tellUnreadable(turn);
  if (!facts.runtime) {
    because(turn, {
      code: 'ObservingRuntime',
      ...(facts.runtimeReadProblem ? { problem: facts.runtimeReadProblem } : {}),
    });
    return false;
  }
  if (!facts.pod && !facts.sourcesReady) {
    because(turn, { code: 'SourcesNotReady' });
    return false;
  }
  enterTermination(turn);
  if (turn.memory.phase === 'Admitting' && !turn.memory.termination && planAdmission(turn)) advance(turn, 'Active');
  if (turn.memory.phase === 'Active' && facts.pod) {
    planMirror(turn);
    if (planActive(turn, facts.pod)) complete(turn, 'completed');
  }
  return finishing(turn);
}

/** A Pod is ended by request, by rejection, or because the API already holds its terminal phase. */
function enterTermination(turn: Turn): void {
  const { facts, memory } = turn;
  forgetOldEnd(turn);
  const requests = terminationRequests(turn, facts.pod);
  const merged = mergeTermination(turn, facts.pod, requests);
  if (merged?.cause === 'deadline' && !memory.termination) tellDeadline(turn, merged);
  if (merged) turn.memory.termination = merged;
  if (memory.phase !== 'Admitting' && memory.phase !== 'Active') return;
  if (merged) advance(turn, 'Terminating');
  else if (rejection(turn)) complete(turn, 'rejected');
  else if (facts.pod && hasEnded(facts)) complete(turn, 'completed', 1);
}

/** What ended a static Pod before a restart; whoever wants it ended now has said so in the facts. */
function forgetOldEnd({ facts, memory }: Turn): void {
  const isStatic = facts.origin === 'file' || facts.origin === 'http';
  const { phase, termination } = memory;
  if (isStatic && phase === 'Admitting' && termination && terminationCauses[termination.cause].staticForgets)
    memory.termination = undefined;
}

function tellDeadline(turn: Turn, { reason = '', message = '' }: Termination): void {
  emitOnce(turn, 'deadline', 1, { type: 'Normal', reason, message });
}

/** Ends a Pod by itself, with its own grace; `least` (seconds) where somebody else's word ends it. */
function complete(turn: Turn, cause: 'completed' | 'rejected', least = 0): void {
  const graceSeconds = Math.max(least, ownGrace(turn.facts.pod));
  const { wall } = turn.now;
  turn.memory.termination ??= { cause, graceSeconds, since: wall, deadline: wall + graceSeconds * 1000 };
  turn.start.length = 0;
  turn.taken.clear();
  turn.reasons.length = 0;
  advance(turn, 'Terminating');
  rejection(turn);
}

function finishing(turn: Turn): boolean {
  const { facts, memory } = turn;
  if (memory.phase === 'Terminating' && memory.termination && planTermination(turn, facts.pod, memory.termination))
    advance(turn, 'Cleaning');
  if (turn.memory.phase === 'Cleaning' && planCleaning(turn)) advance(turn, 'Finished');
  return turn.memory.phase === 'Finished' && planFinished(turn, facts.pod);
}

function advance(turn: Turn, phase: LifePhase): void {
  turn.memory.phase = phase;
}

/** Not Ready without a reason would be a wait that nobody explains: the status itself names what is left. */
function explainStatus(turn: Turn, status: PodStatus): void {
  const ready = status.conditions?.find((c) => c.type === 'Ready');
  if (ready?.status === 'True') return;
  if (turn.memory.phase === 'Finished' && terminalStatusAccepted(turn)) {
    because(turn, {
      code: 'Completed',
      phase: status.phase ?? 'Unknown',
      ...(status.reason ? { reason: status.reason } : {}),
      ...(status.message ? { message: status.message } : {}),
    });
    return;
  }
  for (const gate of turn.facts.pod?.spec?.readinessGates ?? []) {
    const condition = turn.facts.pod?.status?.conditions?.find((c) => c.type === gate.conditionType);
    if (condition?.status !== 'True') because(turn, { code: 'ReadinessGate', condition: gate.conditionType });
  }
  if (turn.reasons.length > 0) return;
  // An end that somebody has written into the status and that may not be taken back is shown although the container runs.
  for (const { name, state } of status.containerStatuses ?? []) {
    if (!state?.terminated) continue;
    const { exitCode, reason = '' } = state.terminated;
    because(turn, { code: 'ContainerEnded', container: name, exitCode, reason });
  }
}
