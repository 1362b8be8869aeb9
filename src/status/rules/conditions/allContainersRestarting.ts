import type { ConditionVerdict } from './verdict.ts';
import { no, yes } from './verdict.ts';

/** AllContainersRestarting (KEP-5532): only for Pods with such a rule. */
export function allContainersRestarting(phase: string | undefined, restarting: boolean): ConditionVerdict {
  if (phase === 'Succeeded') return no('PodCompleted');
  if (phase === 'Failed') return no('PodFailed');
  return restarting ? yes('RestartAllContainersStarted', 'container exited with restart policy rule') : no();
}
