import type { ObservedContainer } from '../../cri/observed.ts';
import { slotOf } from './actions.ts';
import { slot } from './slots.ts';
import type { Turn } from './turn.ts';

/**
 * Its start is not over: it was only made, its postStart hook runs, or it is stopped because that hook failed. Until then a container has
 * not reached its running state (Kubernetes' documentation, "Container lifecycle hooks"), and the status does not show it.
 */
export function isStarting(turn: Turn, c: ObservedContainer): boolean {
  if (c.state === 'created') return true;
  // A Pod that is being ended shows what there is to be stopped.
  if (c.state !== 'running' || turn.memory.phase !== 'Active') return false;
  if (turn.memory.kills[c.id]?.reason === 'hook') return true;
  const name = slotOf.postStart(c.name);
  const actions = [slot(turn.facts, name).running?.action, ...turn.start];
  return actions.some((a) => a?.kind === 'postStart' && a.containerId === c.id);
}
