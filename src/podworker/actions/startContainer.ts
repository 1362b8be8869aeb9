import { symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { detailed } from '../../cri/convert.ts';
import { CriError } from '../../cri/error.ts';
import type { ObservedContainer } from '../../cri/observed.ts';
import { terminationMessage } from '../../cri/terminationMessage.ts';
import { errorMessage, isAbort, KubeletError } from '../../lib/errors.ts';
import type { Pod, StoredPod } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { containerLogPath, podLogDirectory } from '../spec/logPaths.ts';
import { ticket } from './sandbox.ts';
import type { Services } from './services.ts';

/** StartContainer, then the container as the runtime now shows it. A refusal is a RunContainerError, as in kubelet. */
export async function startContainer(
  services: Services,
  context: ActionContext,
  slot: string,
  id: string,
): Promise<Outcome> {
  const known = context.facts.runtime?.containers.find((c) => c.id === id);
  if (known) services.placement.starting(context.pod as StoredPod, known.name);
  try {
    await services.gate.run(ticket(context, slot), () => services.cri.startContainer(id), context.signal);
  } catch (error) {
    if (isAbort(error) && !(error instanceof CriError)) throw error;
    if (known)
      context.event({
        type: 'Warning',
        reason: 'Failed',
        message: `Error: ${errorMessage(error)}`,
        container: known.name,
      });
    throw new KubeletError(errorMessage(error), { code: 'RunContainerError', cause: error });
  }
  if (known) context.event({ type: 'Normal', reason: 'Started', message: 'Container started', container: known.name });
  if (!known) return {};
  void linkLog(services, context.pod, known, id);
  try {
    return { seen: { container: await look(services, known) } };
  } catch {
    // The call itself proves that it was started; the next read tells the rest.
    return { seen: { container: { ...known, state: 'running', startedAt: services.clock.now().wall } } };
  }
}

/** The container's present status. */
export async function look(services: Services, known: ObservedContainer): Promise<ObservedContainer> {
  const { status } = await services.cri.containerStatus(known.id);
  if (!status) return known;
  const message = status.state === 'CONTAINER_EXITED' ? await terminationMessage(status) : '';
  return detailed(known, status, message);
}

/** Log collectors find a container's log under this name (kubelet's legacyLogSymlink). The file name is cut to 255 bytes. */
export function logLink(dir: string, pod: Pod, container: string, id: string): string {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const suffix = '.log';
  return join(dir, `${name}_${namespace}_${container}-${id}`.slice(0, 255 - suffix.length) + suffix);
}

async function linkLog(services: Services, pod: Pod, known: ObservedContainer, id: string): Promise<void> {
  const link = logLink(services.containerLogsDir, pod, known.name, id);
  const target = join(
    podLogDirectory(services.spec.podLogsRoot, pod),
    containerLogPath(known.name, known.restartCount),
  );
  try {
    await unlink(link).catch(() => {});
    await symlink(target, link);
  } catch (error) {
    services.log.warn('the link to the container log could not be made', { link, error: errorMessage(error) });
  }
}
