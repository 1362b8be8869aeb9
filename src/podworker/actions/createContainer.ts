import { join } from 'node:path';
import { CONTAINER_HASH, kubeletOnly, unstarted } from '../../cri/convert.ts';
import { CriError } from '../../cri/error.ts';
import type { ContainerConfig } from '../../cri/generated/runtime.ts';
import type { ObservedContainer } from '../../cri/observed.ts';
import { errorMessage, isAbort, KubeletError } from '../../lib/errors.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { differsIn, effective, mergeResources } from '../../pods/rules/actuation.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import type { AllocatedPod, Container, Pod, ResourceRequirements } from '../../types/k8s.ts';
import { toEffectError } from '../effectError.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { configFor } from './containerInputs.ts';
import { keepActuated } from './resizePod.ts';
import { configOf, ticket } from './sandbox.ts';
import type { Services } from './services.ts';
import { makeTerminationLog, removeTerminationLog, terminationLog } from './terminationLog.ts';

/** What the decision fixed. */
export interface CreateOrder {
  readonly slot: string;
  readonly container: string;
  readonly sandboxId: string;
  readonly attempt: number;
}

/** Every container of the Pod by name, ephemeral ones in the same shape. */
export function findContainer(pod: Pod, name: string): Container | undefined {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...(ephemeralContainers as readonly Container[])].find(
    (c) => c.name === name,
  );
}

/**
 * CreateContainer with everything it is made from: environment, volumes, hosts file, termination log. What is wrong with the
 * spec or its references is a CreateContainerConfigError, what the runtime refuses a CreateContainerError, as in kubelet.
 */
export async function createContainer(
  services: Services,
  context: ActionContext,
  order: CreateOrder,
): Promise<Outcome> {
  const { pod, facts } = context;
  const container = findContainer(pod, order.container);
  if (!container)
    throw new KubeletError(`the Pod has no container ${order.container}`, { code: 'CreateContainerConfigError' });
  const sandbox = facts.runtime?.sandboxes.find((s) => s.id === order.sandboxId);
  const log = terminationLog(join(services.podsDir, facts.uid), container);
  const config = await asConfigError(() => configFor(services, context, container, order, log));
  const sandboxConfig = configOf(services, pod, sandbox?.attempt ?? 0);
  // The first attempt follows the Pod's preparation; later somebody may have removed the cgroup, and runc would make one without limits.
  if (order.attempt > 0) await asConfigError(() => services.cgroups.ensure(pod, true));
  await resourcesWritten(services, pod, container);
  // Last of all: what is refused before it, again and again, leaves no file behind.
  if (log !== null) await asConfigError(() => makeTerminationLog(log));
  const send = () => services.cri.createContainer(order.sandboxId, config, sandboxConfig);
  const id = await services.gate.run(ticket(context, order.slot), send, context.signal).catch(async (error) => {
    // A call whose outcome is unknown may have made a container that writes into it.
    if (log !== null && toEffectError(error).settled) await removeTerminationLog(services, log);
    if (isAbort(error) && !(error instanceof CriError)) throw error;
    throw new KubeletError(errorMessage(error), { code: 'CreateContainerError', cause: error });
  });
  const news = { containers: { [container.name]: actuatedOf(pod, container) } };
  context.event({ type: 'Normal', reason: 'Created', message: 'Container created', container: container.name });
  const cpus = config.linux?.resources?.cpusetCpus ?? '';
  const { imageId = '' } = services.images.fact(facts.uid, container.image ?? '');
  return {
    ...(cpus !== '' && { cpuSet: { id, cpus } }),
    actuated: keepActuated(services, context, news),
    seen: { container: created(services, id, config, order, imageId) },
  };
}

/**
 * What the Pod was given is on the disk before it is used; it has been on its way there since the Pod was admitted. Of a container that is
 * restarted for a resize that counts for what it is to have, too: it must not be restarted for it again.
 */
async function resourcesWritten(
  { allocated, actuated, log }: Services,
  pod: AllocatedPod,
  container: Container,
): Promise<void> {
  const uid = pod.metadata?.uid ?? '';
  const before = ownEntry(actuated.get(uid)?.containers, container.name);
  const isResized = before !== undefined && differsIn(before, actuatedOf(pod, container));
  if (isResized) {
    const news = { containers: { [container.name]: actuatedOf(pod, container) } };
    actuated.set(uid, mergeResources(actuated.get(uid), news));
  }
  // Not over what is known: more may have been allocated since this was decided.
  const written = allocated.get(uid) ? allocated.saved(uid) : allocated.save(uid, resourcesOf(pod));
  // A full disk keeps nobody from starting: as the Go kubelet, which writes it into its log and goes on.
  await Promise.all([written, ...(isResized ? [actuated.flush()] : [])]).catch((error) =>
    log.warn('Failed to write down the resources of a Pod', { podUID: uid, error: errorMessage(error) }),
  );
}

function actuatedOf(pod: AllocatedPod, { resources = {} }: Container): ResourceRequirements {
  return effective(resources, pod.spec?.resources);
}

async function asConfigError<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (isAbort(error) && !(error instanceof CriError)) throw error;
    throw new KubeletError(errorMessage(error), { code: 'CreateContainerConfigError', cause: error });
  }
}

function created(
  services: Services,
  id: string,
  config: ContainerConfig,
  order: CreateOrder,
  imageId: string,
): ObservedContainer {
  const annotations = config.annotations ?? {};
  return unstarted({
    id,
    sandboxId: order.sandboxId,
    name: order.container,
    attempt: order.attempt,
    state: 'created',
    createdAt: services.clock.now().wall,
    image: config.image?.userSpecifiedImage ?? '',
    imageRef: imageId,
    imageId,
    hash: annotations[CONTAINER_HASH] ?? '',
    restartCount: order.attempt,
    annotations: kubeletOnly(annotations),
  });
}
