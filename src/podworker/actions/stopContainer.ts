import { unlink } from 'node:fs/promises';
import { isNotFound } from '../../cri/error.ts';
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

/** Removes a container that does not run, with the link to its log. The log itself stays until the Pod goes. */
export async function removeContainer(services: Services, context: ActionContext, id: string): Promise<Outcome> {
  const known = context.facts.runtime?.containers.find((c) => c.id === id);
  await unlessGone(() => services.cri.removeContainer(id));
  if (known) await unlink(logLink(services.containerLogsDir, context.pod, known.name, id)).catch(() => {});
  return { seen: { removedContainer: id } };
}
