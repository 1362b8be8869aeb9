import { unlink } from 'node:fs/promises';
import { hasTaskLeft, isNotFound } from '../../cri/error.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { unlessGone } from './sandbox.ts';
import type { Services } from './services.ts';
import { logLink, look } from './startContainer.ts';

/** StopContainer, then how the container ended. Aborting cancels the call: it is reissued with a shorter grace. */
export async function stopContainer(
  services: Services,
  context: ActionContext,
  id: string,
  seconds: number,
): Promise<Outcome> {
  const known = context.facts.runtime?.containers.find((c) => c.id === id);
  try {
    await services.cri.stopContainer(id, seconds, { signal: context.signal });
    return known ? { seen: { container: await look(services, known) } } : {};
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return { seen: { removedContainer: id } };
  }
}

/**
 * An agent that is killed during StartContainer cancels that call; containerd may then say that the container has exited, keep a task of it
 * and refuse to remove it until containerd itself starts anew. Forgetting the task is what it would do then.
 */
async function removeWithTask({ cri, log }: Services, id: string): Promise<void> {
  try {
    await cri.removeContainer(id);
  } catch (error) {
    if (!hasTaskLeft(error)) throw error;
    log.warn('containerd kept the task of a container that has ended; it is deleted', { containerID: id });
    await cri.deleteTask(id).catch((problem) => {
      throw new KubeletError(`${errorMessage(error)}; its task: ${errorMessage(problem)}`, {
        code: 'RemoveContainer',
        cause: error,
      });
    });
    await cri.removeContainer(id);
  }
}

/** Removes a container that does not run, with the link to its log. The log itself stays until the Pod goes. */
export async function removeContainer(services: Services, context: ActionContext, id: string): Promise<Outcome> {
  const known = context.facts.runtime?.containers.find((c) => c.id === id);
  await unlessGone(() => removeWithTask(services, id));
  if (known) await unlink(logLink(services.containerLogsDir, context.pod, known.name, id)).catch(() => {});
  return { seen: { removedContainer: id } };
}
