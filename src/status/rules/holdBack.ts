import type { Pod, PodStatus } from '../../types/k8s.ts';
import type { StatusLane } from '../lanes.ts';

/**
 * How long (ms) a status that nobody waits for (neither Ready nor terminal nor Running) is held back, so that the next one replaces it:
 * most starts and deletions then cost one write, and what the API server saves, the runtime beside it can use.
 */
export const HOLD_MS = 500;

/**
 * Whether a status may wait. A Pod that runs now and a container of a running Pod that changes are news; the steps of a start or of a
 * deletion are passing. So are those of a resize (../stepOfResize.ts).
 */
export function mayWait(pod: Pod, accepted: PodStatus | undefined, status: PodStatus, lane: StatusLane): boolean {
  if (lane === 'urgent') return false;
  const starting = (accepted?.phase ?? 'Pending') === 'Pending' && status.phase === 'Pending';
  return starting || pod.metadata?.deletionTimestamp !== undefined;
}
