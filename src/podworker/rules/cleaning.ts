import { named } from '../../lib/named.ts';
import { aliveContainers, podViews } from '../../pods/rules/views.ts';
import { isTerminal } from '../../status/rules/phase.ts';
import type { Pod } from '../../types/k8s.ts';
import { collectDead, removeAll } from './gc.ts';
import { releaseAll } from './holdings.ts';
import { stopSandboxes } from './sandbox.ts';
import { slot } from './slots.ts';
import { stopContainer } from './stop.ts';
import { because, launch, type Turn, wake } from './turn.ts';

/** How long the end of a static Pod waits for an API server that does not answer. */
const mirrorPatienceMs = 2_000;

/** Returns everything the kubelet holds for the Pod but its files. True when all of it is back. */
export function planCleaning(turn: Turn): boolean {
  return releaseAll(turn, ['volumes', 'cgroup', 'reservation']);
}

/** The API server holds the terminal status, or there is nobody to hold it. */
export function terminalStatusAccepted(turn: Turn): boolean {
  const { facts } = turn;
  if (!facts.node.api || facts.origin === 'runtime') return true;
  if (facts.gone) return true;
  if (facts.origin !== 'api' && facts.mirror?.state !== 'current') return true;
  return isTerminal(facts.accepted?.phase);
}

/**
 * After the Pod's end: the API object of a deleted Pod is deleted once its terminal status was accepted; containers,
 * sandboxes, logs and directories go when no source has the Pod any more. True when nothing at all is left of it.
 */
export function planFinished(turn: Turn, pod: Pod | null): boolean {
  const { facts } = turn;
  const ended = endStragglers(turn, pod);
  if (!terminalStatusAccepted(turn)) {
    because(turn, {
      code: 'StatusWrite',
      what: 'the terminal status',
      ...(facts.statusProblem ? { problem: facts.statusProblem } : {}),
    });
    return false;
  }
  if (!ended) return false;
  if (facts.origin === 'api' && pod?.metadata?.deletionTimestamp && !facts.gone) deleteFromApi(turn, pod);
  const over = facts.gone || facts.origin === 'runtime' || turn.memory.apiDeleted;
  if (!over) {
    if (pod) collectDead(turn, podViews(facts, pod), facts.runtime?.sandboxes[0]?.id);
    return false;
  }
  const mirrorGone = removeMirror(turn) || mirrorMayStay(turn);
  // Containers and logs are the past of the next life, which counts restarts on from it. Where what ended may not run again it starts afresh.
  const policy = pod?.spec?.restartPolicy ?? facts.returnsUnder ?? 'Always';
  if (facts.returning && policy === 'Always') return mirrorGone;
  const empty = removeAll(turn);
  return empty && releaseAll(turn, ['files']) && mirrorGone;
}

/**
 * A call whose outcome was unknown may be carried out after the Pod's end was certain. What appears then is stopped like
 * everything else of the Pod. True when there is nothing of the kind.
 */
function endStragglers(turn: Turn, pod: Pod | null): boolean {
  const views = pod ? podViews(turn.facts, pod).all : [];
  const alive = aliveContainers(turn.facts);
  const { termination } = turn.memory;
  for (const c of alive) {
    const graceSeconds = termination?.graceSeconds ?? 1;
    const deadline = termination?.deadline ?? turn.now.wall;
    const view = named(views, c.name);
    stopContainer(turn, c, view, { message: '', graceSeconds, deadline, after: [] });
  }
  return alive.length === 0 && stopSandboxes(turn);
}

function deleteFromApi(turn: Turn, pod: Pod): void {
  const s = slot(turn.facts, 'api');
  const finalizers = pod.metadata?.finalizers ?? [];
  if (s.last && !s.last.error) {
    if (finalizers.length > 0) because(turn, { code: 'Finalizers', finalizers });
    turn.memory.apiDeleted = finalizers.length === 0;
    return;
  }
  because(turn, { code: 'ApiDelete', ...(s.last?.error ? { problem: s.last.error.message } : {}) });
  launch(turn, { kind: 'deleteApiPod', slot: 'api' });
}

function removeMirror(turn: Turn): boolean {
  const { mirror } = turn.facts;
  if (!mirror || mirror.state === 'absent') return true;
  const s = slot(turn.facts, 'mirror');
  because(turn, { code: 'MirrorPod', ...(s.last?.error ? { problem: s.last.error.message } : {}) });
  launch(turn, { kind: 'syncMirror', slot: 'mirror', wanted: 'absent' });
  return false;
}

/**
 * The Pod's name is free for the next version of its manifest once it has ended, whatever becomes of the mirror: this very Pod may have
 * been the API server, or its etcd. What stays is replaced by the successor's mirror, or removed by housekeeping.
 */
function mirrorMayStay(turn: Turn): boolean {
  const { running, last } = slot(turn.facts, 'mirror');
  if (turn.facts.node.apiProblem !== undefined) return true;
  if (last?.action.kind === 'syncMirror' && last.action.wanted === 'absent' && last.error) return true;
  if (!running) return false;
  const patience = running.since + mirrorPatienceMs;
  wake(turn, patience);
  return patience <= turn.now.mono;
}
