import type { Pod, PodStatus } from '../../types/k8s.ts';
import type { StatusLane } from '../lanes.ts';

/**
 * How long (ms) a status that nobody waits for is held back, so that the next one replaces it: most starts, deletions and resizes then cost
 * one write, and what the API server saves, the runtime beside it can use.
 */
export const HOLD_MS = 500;

/**
 * Whether a status may wait. A Pod that runs now and a container of a running Pod that changes are news; the steps of a start or of a
 * deletion are passing. Those of a resize are too: `isStepOfResize` (../stepOfResize.ts) tells them, not this.
 */
export function mayWait(pod: Pod, accepted: PodStatus | undefined, status: PodStatus, lane: StatusLane): boolean {
  if (lane === 'urgent') return false;
  const starting = (accepted?.phase ?? 'Pending') === 'Pending' && status.phase === 'Pending';
  return starting || pod.metadata?.deletionTimestamp !== undefined;
}
