import { errorMessage, isAbort, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { HookFailure } from '../../probes/hooks.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { findContainer, podIPsOf } from './createContainer.ts';
import type { Services } from './services.ts';

/** Runs a postStart hook to its end. Its failure ends the container. */
export async function postStart(
  services: Services,
  context: ActionContext,
  name: string,
  id: string,
): Promise<Outcome> {
  const container = findContainer(context.pod, name);
  if (!container) return {};
  try {
    await services.hooks.postStart(context.pod, container, id, podIPsOf(context)[0] ?? '', context.signal);
  } catch (error) {
    if (isAbort(error)) throw error;
    tellOutput(services.log, 'postStart', name, error);
    context.event({ type: 'Warning', reason: 'FailedPostStartHook', message: 'PostStartHook failed', container: name });
    throw new KubeletError(errorMessage(error), { code: 'PostStartHookError', cause: error });
  }
  return {};
}

/** Runs a preStop hook within the grace period. Its failure changes nothing: the container is stopped all the same. */
export async function preStop(
  services: Services,
  context: ActionContext,
  name: string,
  id: string,
  seconds: number,
): Promise<Outcome> {
  const container = findContainer(context.pod, name);
  if (!container) return {};
  try {
    await services.hooks.preStop(context.pod, container, id, podIPsOf(context)[0] ?? '', seconds, context.signal);
  } catch (error) {
    if (isAbort(error)) return {};
    tellOutput(services.log, 'preStop', name, error);
    services.log.warn('preStop hook failed', { container: name, error: errorMessage(error) });
    context.event({ type: 'Warning', reason: 'FailedPreStopHook', message: 'PreStopHook failed', container: name });
  }
  return {};
}

/** What a failed hook printed is told at -v=4 and nowhere else: it may hold secrets, and whoever debugs it asks for that level. */
function tellOutput(log: Logger, hook: 'postStart' | 'preStop', container: string, error: unknown): void {
  if (error instanceof HookFailure && error.output)
    log.debug('output of a failed hook', { hook, container, output: error.output });
}
