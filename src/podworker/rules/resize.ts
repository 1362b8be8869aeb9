import { resourcesOf, sameAllocation } from '../../pods/rules/allocation.ts';
import { apiStatus } from '../../pods/rules/apiStatus.ts';
import type { ContainerView, PodViews } from '../../pods/rules/views.ts';
import type { ResizeCondition } from '../../status/rules/input.ts';
import type { AllocatedPod, PodResources } from '../../types/k8s.ts';
import { resizeText } from './allocation.ts';
import type { PodFacts } from './facts.ts';
import type { ResizeMemory } from './memory.ts';
import { lastRun } from './replacement.ts';
import { containersToResize, isCgroupSet, isResizeDue, podDiffers, restartsForResize } from './resizeWork.ts';
import { isOpen, retryAt, slot } from './slots.ts';
import { because, launch, type Turn } from './turn.ts';

/**
 * Asks for the resources that the Pod should have, and keeps what its conditions say of it (KEP-1287). Whatever the answer, the Pod goes
 * on with what it has; nothing of it, and nobody else, waits for it.
 */
export function planAllocation(turn: Turn, pod: AllocatedPod): void {
  const { facts } = turn;
  remembered(turn);
  tellGrant(turn, pod);
  const { resize } = facts;
  if (!resize) {
    setPending(turn, undefined);
    // So that the ledger does not grant one day what nobody wants any more.
    if (facts.resizeWithdrawn) allocate(turn, pod, resourcesOf(pod));
    return;
  }
  const { answer, wanted } = resize;
  if (answer && answer.state !== 'granted') {
    const reason = answer.state === 'deferred' ? 'Deferred' : 'Infeasible';
    tellPending(turn, pod, wanted, { reason, message: answer.message, generation: answer.generation });
    because(turn, { code: 'ResizePending', state: reason, message: answer.message });
    return;
  }
  // Pods of a source that has not spoken yet may have what this one asks for.
  if (!facts.sourcesReady) return;
  const { last, running } = slot(facts, 'ledger');
  const error = !running && last?.action.kind === 'allocate' ? last.error : undefined;
  because(turn, {
    code: 'Allocating',
    ...(error && { error: error.message, retryAt: retryAt(facts, 'ledger') }),
  });
  allocate(turn, pod, wanted);
}

function allocate(turn: Turn, pod: AllocatedPod, wanted: PodResources): void {
  const generation = pod.metadata?.generation ?? 0;
  const { last } = slot(turn.facts, 'ledger');
  const again = last?.action.kind === 'allocate' && sameAllocation(last.action.wanted, wanted);
  if (!isOpen(turn.facts, 'ledger')) return;
  const action = { kind: 'allocate', slot: 'ledger', wanted, generation } as const;
  launch(turn, action, again ? 'backoff' : 'now');
}

/**
 * Carries out what is allocated, and restarts what must be for it. True while new containers must wait: the Pod's cgroup is not set for
 * them yet, and nobody knows yet whether it can be.
 */
export function planResize(turn: Turn, pod: AllocatedPod, views: PodViews): boolean {
  const { facts } = turn;
  const restarting = views.all.some((view) => isRestarting(turn, pod, view));
  const due = containersToResize(facts, pod, views.all).length > 0 || podDiffers(facts, pod);
  const { running, last } = slot(facts, 'resize');
  // While the action runs, too: it ends with a look at what the runtime shows then.
  const inProgress = due || running !== undefined || restarting;
  follow(turn, pod, inProgress || views.all.some((view) => awaitsSuccessor(turn, view)));
  if (!due) return false;
  const wanted = resourcesOf(pod);
  const tried = last?.action.kind === 'resizePod' && sameAllocation(last.action.wanted, wanted) ? last : undefined;
  because(turn, {
    code: 'ResizingPod',
    ...(running && { since: running.since }),
    ...(tried?.error && !running && { error: tried.error.message, retryAt: retryAt(facts, 'resize') }),
  });
  // What is being stopped may use more than the Pod is to have.
  if (!restarting) launch(turn, { kind: 'resizePod', slot: 'resize', wanted }, tried ? 'backoff' : 'now');
  return facts.podCgroup !== undefined && !isCgroupSet(facts.podCgroup, pod) && tried?.error === undefined;
}

/** A container that runs and must end for the resize. */
function isRestarting(turn: Turn, pod: AllocatedPod, view: ContainerView): boolean {
  if (view.current?.state !== 'running') return false;
  return turn.memory.kills[view.current.id]?.reason === 'resize' || restartsForResize(turn.facts, pod, view);
}

/** One that was stopped for the resize, and whose successor is still to come: until it runs the resize is not over. */
function awaitsSuccessor(turn: Turn, view: ContainerView): boolean {
  if (view.current?.state === 'running') return false;
  const before = lastRun(view);
  const kill = before && turn.memory.kills[before.id];
  return kill?.reason === 'resize' && !kill.successorFailed;
}

/** Keeps PodResizeInProgress, and tells its errors and its end. */
function follow(turn: Turn, pod: AllocatedPod, inProgress: boolean): void {
  const resize = remembered(turn);
  if (!inProgress) {
    if (!resize.progress) return;
    const { progress, ...rest } = resize;
    turn.memory.resize = rest;
    tell(turn, pod, resourcesOf(pod), 'ResizeCompleted', progress.generation);
    return;
  }
  const { running, last } = slot(turn.facts, 'resize');
  const failed = !running && last?.action.kind === 'resizePod' && sameAllocation(last.action.wanted, resourcesOf(pod));
  const error = (failed && last.error?.message) || resize.progress?.error;
  const generation = resize.progress?.generation ?? pod.metadata?.generation ?? 0;
  const progress = { generation, ...(error && { error }) };
  if (error && error !== resize.progress?.error) tell(turn, pod, resourcesOf(pod), 'ResizeError', generation, error);
  turn.memory.resize = { ...resize, progress };
}

/** A grant begins a new resize: what went wrong with the one before does not count any more. */
function tellGrant(turn: Turn, pod: AllocatedPod): void {
  const resize = remembered(turn);
  const { resizeGranted: grant } = turn.facts;
  if (!grant || grant.number === resize.told) return;
  const { pending: _, ...rest } = resize;
  turn.memory.resize = { ...rest, told: grant.number, progress: { generation: grant.generation } };
  tell(turn, pod, resourcesOf(pod), 'ResizeStarted', grant.generation);
}

function tellPending(
  turn: Turn,
  pod: AllocatedPod,
  wanted: PodResources,
  pending: NonNullable<ResizeMemory['pending']>,
): void {
  const { pending: before } = remembered(turn);
  setPending(turn, pending);
  if (before?.reason === pending.reason && before.generation === pending.generation) return;
  tell(turn, pod, wanted, `Resize${pending.reason}`, pending.generation, pending.message);
}

function setPending(turn: Turn, pending: ResizeMemory['pending']): void {
  const { pending: before, ...rest } = remembered(turn);
  if (before === undefined && pending === undefined) return;
  turn.memory.resize = { ...rest, ...(pending && { pending }) };
}

const prefixes = {
  ResizeStarted: 'Pod resize started',
  ResizeCompleted: 'Pod resize completed',
  ResizeError: 'Pod resize error',
  ResizeDeferred: 'Pod resize Deferred',
  ResizeInfeasible: 'Pod resize Infeasible',
} as const;

function tell(
  turn: Turn,
  pod: AllocatedPod,
  resources: PodResources,
  reason: keyof typeof prefixes,
  generation: number,
  error?: string,
): void {
  const type = reason === 'ResizeStarted' || reason === 'ResizeCompleted' ? 'Normal' : 'Warning';
  const message = resizeText(prefixes[reason], pod.spec ?? { containers: [] }, resources, generation, error);
  turn.events.push({ type, reason, message });
}

/** What an earlier life of the agent said of the Pod's resize goes on from there: nothing is told twice. */
function remembered(turn: Turn): ResizeMemory {
  turn.memory.resize ??= restored(turn.facts);
  return turn.memory.resize;
}

function restored(facts: PodFacts): ResizeMemory {
  const conditions = apiStatus(facts)?.conditions ?? [];
  const pending = conditions.find(({ type }) => type === 'PodResizePending');
  const progress = conditions.find(({ type }) => type === 'PodResizeInProgress');
  const words = (one: { reason?: string; message?: string; observedGeneration?: number }) => ({
    message: one.message ?? '',
    generation: one.observedGeneration ?? 0,
  });
  return {
    told: 0,
    ...(pending && {
      pending: { reason: pending.reason === 'Infeasible' ? 'Infeasible' : 'Deferred', ...words(pending) },
    }),
    ...(progress && {
      progress: {
        generation: progress.observedGeneration ?? 0,
        ...(progress.reason === 'Error' && { error: progress.message ?? '' }),
      },
    }),
  };
}

/** A resize that an agent left unfinished is in progress before this one gets to it. */
function noteProgress(turn: Turn, pod: AllocatedPod, views: readonly ContainerView[]): void {
  const { facts, memory } = turn;
  const resize = remembered(turn);
  if (resize.progress || (memory.phase !== 'Admitting' && memory.phase !== 'Active')) return;
  if (isResizeDue(facts, pod, views))
    memory.resize = { ...resize, progress: { generation: pod.metadata?.generation ?? 0 } };
}

/** The Pod's conditions about its resize. */
export function resizeConditions(
  turn: Turn,
  pod: AllocatedPod,
  views: readonly ContainerView[],
): readonly ResizeCondition[] {
  noteProgress(turn, pod, views);
  const { pending, progress } = remembered(turn);
  const observed = (generation: number) => (generation > 0 ? { observedGeneration: generation } : {});
  return [
    ...(pending
      ? [
          {
            type: 'PodResizePending' as const,
            reason: pending.reason,
            message: pending.message,
            ...observed(pending.generation),
          },
        ]
      : []),
    ...(progress
      ? [
          {
            type: 'PodResizeInProgress' as const,
            ...(progress.error && { reason: 'Error', message: progress.error }),
            ...observed(progress.generation),
          },
        ]
      : []),
  ];
}
