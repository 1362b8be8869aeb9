import type { ObservedContainer } from '../../cri/observed.ts';
import { named } from '../../lib/named.ts';
import { aliveContainers, type ContainerView, podViews } from '../../pods/rules/views.ts';
import type { Pod } from '../../types/k8s.ts';
import { actionKinds } from './actionKinds.ts';
import { slotOf } from './actions.ts';
import { releaseAll } from './holdings.ts';
import { tellOverdue } from './kubeletEvents.ts';
import type { Termination } from './memory.ts';
import { stopSandboxes } from './sandbox.ts';
import { isOpen, slot } from './slots.ts';
import { type StopOrder, stopContainer, stopOrder } from './stop.ts';
import { terminationCauses } from './terminationCauses.ts';
import { because, emitOnce, type Turn } from './turn.ts';

/** Ends everything of the Pod that runs. Returns true when nothing runs and every sandbox's network is returned. */
export function planTermination(turn: Turn, pod: Pod | null, termination: Termination): boolean {
  abandonStarts(turn);
  if (!intentIsDurable(turn, termination)) return false;
  const views = pod ? podViews(turn.facts, pod).all : [];
  const alive = aliveContainers(turn.facts);
  const after = stopOrder(turn, views, alive);
  for (const c of alive) stopOne(turn, c, views, after, termination);
  tellOverdue(turn, alive, termination);
  const settled = makingSettled(turn);
  if (alive.length > 0 || !settled) return false;
  // Beside the stop of the sandbox, which uses none of them.
  releaseAll(turn, ['volumes']);
  for (const { id } of turn.facts.runtime?.sandboxes ?? [])
    tellFailure(turn, slotOf.stopSandbox(id), `"KillPodSandbox" for "${turn.facts.uid}" with KillPodSandboxError`);
  // Before the end is told: from then on the scheduler gives the claims to others.
  return stopSandboxes(turn) && (!mayHaveClaims(pod) || releaseAll(turn, ['claims']));
}

/** Of a Pod that only the runtime knows nobody can tell. */
function mayHaveClaims(pod: Pod | null): boolean {
  return pod === null || (pod.spec?.resourceClaims ?? []).length > 0 || !!pod.status?.extendedResourceClaimStatus;
}

/** Questions to the ledger, pulls, mounts, hooks and queued creations are no longer wanted; their slots stay closed until they settle (rule 8). */
function abandonStarts(turn: Turn): void {
  for (const [name, s] of Object.entries(turn.facts.slots)) {
    const kind = s.running?.action.kind;
    if (!kind || s.running?.aborting) continue;
    if (actionKinds[kind].abortWhenEnding) turn.abort.add(name);
  }
}

/**
 * An eviction that was only in memory would be forgotten by a crash between the stop and the status: note it first. Whether this very note
 * could be written is another matter: a full disk holds no eviction up.
 */
function intentIsDurable(turn: Turn, termination: Termination): boolean {
  if (terminationCauses[termination.cause].after !== 'noted') return true;
  const last = slot(turn.facts, 'checkpoint').last;
  if (last?.action.kind === 'saveCheckpoint' && last.action.checkpoint.termination) return true;
  because(turn, { code: 'SettlingAction', slot: 'checkpoint', action: 'saveCheckpoint', since: turn.now.mono });
  return false;
}

function stopOne(
  turn: Turn,
  c: ObservedContainer,
  views: readonly ContainerView[],
  after: StopOrder,
  termination: Termination,
): void {
  const view = named(views, c.name);
  const kill = turn.memory.kills[c.id];
  const deadline = kill ? Math.min(kill.since + kill.graceSeconds * 1000, termination.deadline) : termination.deadline;
  stopContainer(turn, c, view, {
    message: kill?.message ?? '',
    graceSeconds: termination.graceSeconds,
    deadline,
    after: after(view),
  });
  const what = `"KillContainer" for "${c.name}" with KillContainerError`;
  tellFailure(turn, slotOf.stop(c.id), what);
}

/** What a call that we ended ourselves, for a shorter grace, comes back with. */
const cutOff = new Set(['Aborted', 'Canceled']);

function tellFailure(turn: Turn, name: string, what: string): void {
  const { last } = slot(turn.facts, name);
  if (!last?.error || cutOff.has(last.error.reason)) return;
  const message = `error killing pod: failed to ${what}: "${last.error.message}"`;
  emitOnce(turn, `killfailed/${name}`, last.endedAt, { type: 'Warning', reason: 'FailedKillPod', message });
}

/** Nothing may still be coming into being: a creation under way, or one whose outcome is unknown, could leave it behind. */
function makingSettled(turn: Turn): boolean {
  let settled = true;
  for (const [name, s] of Object.entries(turn.facts.slots)) {
    const action = s.running?.action ?? s.last?.action;
    if (!action || !actionKinds[action.kind].bringsUp) continue;
    if (s.running) {
      settled = false;
      because(turn, { code: 'SettlingAction', slot: name, action: s.running.action.kind, since: s.running.since });
    } else if (!isOpen(turn.facts, name) && s.last?.error) {
      settled = false;
      because(turn, { code: 'OutcomeUnknown', slot: name, action: s.last.action.kind, message: s.last.error.message });
    }
  }
  return settled;
}
