import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import { CriError, isUnimplemented } from '../../cri/error.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { PodCgroupLimits } from '../../pods/facts.ts';
import { mergeResources, withResource } from '../../pods/rules/actuation.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import { readySandbox } from '../../pods/rules/views.ts';
import type { PodResources } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { type ResizeStep, resizeSteps } from '../rules/resizeSteps.ts';
import { type ContainerWork, containersToResize } from '../rules/resizeWork.ts';
import { containerResources } from '../spec/containerResources.ts';
import { sandboxResourceUpdate } from '../spec/sandboxResourceUpdate.ts';
import { findContainer } from './createContainer.ts';
import { checkMemoryUsage } from './memoryUsage.ts';
import type { Services } from './services.ts';
import { look } from './startContainer.ts';

/**
 * Gives a Pod what is allocated to it, step by step (rules/resizeSteps.ts). Each step that was carried out is noted, so that whoever tries
 * again, this agent or the next, goes on where it was. Rejects with kubelet's words; what was done by then stays.
 */
export async function resizePod(services: Services, context: ActionContext): Promise<Outcome> {
  const { pod, facts } = context;
  const work = containersToResize(facts, pod);
  const before = await currentLimits(services, context);
  const wanted = services.cgroups.wanted(pod);
  await checkMemoryUsage(services, pod, { work, before, wanted });
  let limits = before;
  try {
    for (const step of resizeSteps(work, before, wanted)) {
      context.signal.throwIfAborted();
      await carryOut(services, context, step, limits);
      if (step.kind === 'cgroup') limits = step.after;
    }
  } finally {
    // Also after a failure: some of it may have been carried out. Not waited for: what is lost is done again.
    services.actuated
      .flush()
      .catch((error) =>
        services.log.warn('Failed to write down carried out resources', { error: errorMessage(error) }),
      );
    if (work.length > 0) context.outdated(work.map(({ id }) => id));
  }
  return { podCgroup: { resources: resourcesOf(pod), limits }, resized: await seenAgain(services, context, work) };
}

async function currentLimits({ cgroups }: Services, { pod }: ActionContext): Promise<PodCgroupLimits> {
  try {
    return await cgroups.limits(pod);
  } catch (error) {
    const { name, namespace, uid } = pod.metadata ?? {};
    const message = `unable to get pod cgroup config for pod "${name}_${namespace}(${uid})": ${errorMessage(error)}`;
    throw new KubeletError(message, { code: 'ResizePodInPlaceError', cause: error });
  }
}

async function carryOut(
  services: Services,
  context: ActionContext,
  step: ResizeStep,
  limits: PodCgroupLimits,
): Promise<void> {
  switch (step.kind) {
    case 'cgroup':
      return setCgroup(services, context, step, limits);
    case 'container':
      return setContainer(services, context, step);
    case 'done':
      return noteWhole(services, context, step);
  }
}

/** The runtime first: one that refuses has refused the resize. It is told to go back when the cgroup does not take it. */
async function setCgroup(
  services: Services,
  context: ActionContext,
  { resource, set, after }: Extract<ResizeStep, { kind: 'cgroup' }>,
  before: PodCgroupLimits,
): Promise<void> {
  const { pod } = context;
  try {
    await tellSandbox(services, context, after);
  } catch (error) {
    const message = `failed to notify runtime for UpdatePodSandboxResources (resource=${resource}); resize rejected: ${errorMessage(error)}`;
    throw new KubeletError(message, { code: 'ResizePodInPlaceError', cause: error });
  }
  try {
    await services.cgroups.apply(pod, set);
  } catch (error) {
    await tellSandbox(services, context, before).catch((rollback) =>
      services.log.warn('Failed to tell the runtime to take a resize back', { error: errorMessage(rollback) }),
    );
    throw new KubeletError(errorMessage(error), { code: 'ResizePodInPlaceError', cause: error });
  }
}

async function tellSandbox(services: Services, { pod, facts }: ActionContext, config: ResourceConfig): Promise<void> {
  const sandbox = readySandbox(facts);
  if (!sandbox) return;
  const { overhead, resources } = sandboxResourceUpdate(pod, sandbox.id, config, services.spec);
  try {
    await services.cri.updatePodSandboxResources(sandbox.id, overhead ?? undefined, resources ?? undefined);
  } catch (error) {
    if (!isUnknownCall(error)) throw error;
  }
}

/** containerd 2.2 says it with the code Unknown. */
function isUnknownCall(error: unknown): boolean {
  return isUnimplemented(error) || (error instanceof CriError && error.message.includes('not implemented'));
}

async function setContainer(
  services: Services,
  context: ActionContext,
  { id, name, after }: Extract<ResizeStep, { kind: 'container' }>,
): Promise<void> {
  const { pod } = context;
  const container = findContainer(pod, name);
  if (!container) return;
  const exclusiveCPUs = services.placement.unthrottled(context.facts.uid, name);
  const linux = containerResources(
    pod,
    { ...container, resources: after },
    { node: services.spec, exclusiveCPUs, cpusetCpus: '', cpusetMems: '' },
  );
  try {
    await services.cri.updateContainerResources({ containerId: id, linux });
  } catch (error) {
    throw new KubeletError(errorMessage(error), { code: 'ResizePodInPlaceError', cause: error });
  }
  noteActuated(services, context, { containers: { [name]: after } });
}

/** All of one resource is carried out: of the Pod as a whole too. */
function noteWhole(
  services: Services,
  context: ActionContext,
  { resource }: Extract<ResizeStep, { kind: 'done' }>,
): void {
  const { pod, facts } = context;
  const whole = pod.spec?.resources;
  if (!whole) return;
  const known = services.actuated.get(facts.uid)?.pod ?? {};
  noteActuated(services, context, { containers: {}, pod: withResource(known, whole, resource) });
}

/** Keeps what a step carried out, and tells the Pod's worker before the next. */
function noteActuated(services: Services, context: ActionContext, news: PodResources): void {
  context.actuated(keepActuated(services, context, news));
}

/** Keeps what was carried out, for the outcome to tell. It is on the disk with the next write. */
export function keepActuated({ actuated }: Services, { facts }: ActionContext, news: PodResources): PodResources {
  actuated.set(facts.uid, mergeResources(actuated.get(facts.uid), news));
  return news;
}

/** The containers as the runtime shows them now. One that cannot be read is read again with the Pod. */
async function seenAgain(services: Services, { facts }: ActionContext, work: readonly ContainerWork[]) {
  const known = work.flatMap(({ id }) => facts.runtime?.containers.find((c) => c.id === id) ?? []);
  const seen = await Promise.all(known.map((c) => look(services, c).catch(() => undefined)));
  return seen.filter((c) => c !== undefined);
}
