import type { ObservedContainer } from '../../cri/observed.ts';
import { allNamed } from '../../lib/named.ts';
import { slotOf } from './actions.ts';
import type { PodFacts } from './facts.ts';
import { slot } from './slots.ts';
import type { Turn } from './turn.ts';

/** Whether this process started that container: only then its postStart hook is to be run. After a restart of ours it counts as done. */
export function isStartedHere(facts: PodFacts, { id, name }: ObservedContainer): boolean {
  const { last } = slot(facts, slotOf.container(name));
  return last?.action.kind === 'startContainer' && last.action.containerId === id && !last.error;
}

/** Since when (mono ms) the call that starts the container is under way; undefined when it is not. */
export function startingSince(facts: PodFacts, { id, name }: ObservedContainer): number | undefined {
  const { running } = slot(facts, slotOf.container(name));
  return running?.action.kind === 'startContainer' && running.action.containerId === id ? running.since : undefined;
}

/**
 * Its start is not over: it was only made, its postStart hook is to come or runs, or it is stopped because that hook failed. Until then a
 * container has not reached its running state (Kubernetes' documentation, "Container lifecycle hooks"), and the status does not show it. A
 * read may find it running before the call that starts it has returned: one that was shown by then could not be taken back.
 */
export function isStarting(turn: Turn, c: ObservedContainer): boolean {
  if (c.state === 'created') return true;
  // A Pod that is being ended shows what there is to be stopped.
  if (c.state !== 'running' || turn.memory.phase !== 'Active') return false;
  if (turn.memory.kills[c.id]?.reason === 'hook') return true;
  return hasPostStart(turn.facts, c.name) && (startingSince(turn.facts, c) !== undefined || isHookOpen(turn.facts, c));
}

function isHookOpen(facts: PodFacts, c: ObservedContainer): boolean {
  if (!isStartedHere(facts, c)) return false;
  const { running, last } = slot(facts, slotOf.postStart(c.name));
  return running !== undefined || last?.action.kind !== 'postStart' || last.action.containerId !== c.id;
}

function hasPostStart({ pod }: PodFacts, name: string): boolean {
  const { initContainers, containers } = pod?.spec ?? {};
  const all = [...allNamed(initContainers, name), ...allNamed(containers, name)];
  return all.some((c) => c.lifecycle?.postStart !== undefined);
}
