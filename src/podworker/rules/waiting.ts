import { ownEntry } from '../../lib/ownEntry.ts';
import { type ContainerView, podViews } from '../../pods/rules/views.ts';
import type { Pod } from '../../types/k8s.ts';
import { isStarting } from './starting.ts';
import type { Turn } from './turn.ts';

/**
 * The reason of the last failure stays a container's waiting reason while the next attempt is being made, until it runs (kubelet's reason
 * cache). Without it the status would change twice at every retry: CrashLoopBackOff, Terminated, Running.
 */
export function keepWaiting(turn: Turn, pod: Pod): void {
  const kept: Record<string, { reason: string; message: string; after: string }> = {};
  for (const view of podViews(turn.facts, pod).all) {
    if (view.current?.state === 'running' && !isStarting(turn, view.current)) continue;
    const after = lastEnd(view);
    const known = turn.memory.waiting?.[view.name];
    const reason = ownEntry(turn.waiting, view.name) ?? (known?.after === after ? known : undefined);
    if (!reason) continue;
    const { reason: word, message } = reason;
    turn.waiting[view.name] = { reason: word, message };
    kept[view.name] = { reason: word, message, after };
  }
  delete turn.memory.waiting;
  if (Object.keys(kept).length > 0) turn.memory.waiting = kept;
}

/** The id of the container that ended last: once another one has ended, an older reason is void. */
function lastEnd({ history }: ContainerView): string {
  return history.find((c) => c.state === 'exited')?.id ?? '';
}
