import { detailedSandbox } from '../../cri/convert.ts';
import { isNotFound } from '../../cri/error.ts';
import type { PodSandboxConfig } from '../../cri/generated/runtime.ts';
import type { ObservedSandbox } from '../../cri/observed.ts';
import { isCriticalPod } from '../../k8s/criticalPod.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { AllocatedPod } from '../../types/k8s.ts';
import { UnsettledError } from '../effectError.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { UNREAD_SANDBOX } from '../rules/kubeletEvents.ts';
import { podDnsConfig } from '../spec/dns.ts';
import { sandboxConfig } from '../spec/sandboxConfig.ts';
import type { Services } from './services.ts';

/** The place of a call of this Pod in the queue for the runtime (`StartGate`). */
export function ticket(context: ActionContext, slot: string): { priority: 0 | 1; podStarted: number; key: string } {
  const critical = isCriticalPod(context.pod as Parameters<typeof isCriticalPod>[0]);
  return { priority: critical ? 0 : 1, podStarted: context.heardAt, key: `${context.facts.uid}/${slot}` };
}

/** The request for the Pod's sandbox of that attempt; CreateContainer sends it again. Throws KubeletError when it cannot be made. */
export function configOf(services: Services, pod: AllocatedPod, attempt: number): PodSandboxConfig {
  const key = `${pod.metadata?.uid}/${attempt}`;
  const known = services.sandboxConfigs.get(key);
  if (known) return known;
  const made = generated(() =>
    sandboxConfig(pod, {
      node: services.spec,
      cgroupParent: services.cgroups.parent(pod),
      userNamespace: services.userNamespaces.of(pod.metadata?.uid ?? ''),
      volumeGroups: [],
      attempt,
      dns: services.dns(),
      exclusiveCPUs: services.placement.unthrottled(pod.metadata?.uid ?? ''),
    }),
  );
  services.sandboxConfigs.set(key, made);
  return made;
}

/** The Pod's ids, where it has a user namespace: on disk before anything is made with them. Rejects in kubelet's words. */
export function ensureUserNamespace(services: Services, pod: AllocatedPod): Promise<void> {
  if (pod.spec?.hostUsers !== false) return Promise.resolve();
  return services.userNamespaces.ensure(pod, services.runtimeHandler(pod));
}

/** RunPodSandbox, then what only its status tells: the addresses. */
export async function createSandbox(services: Services, context: ActionContext, attempt: number): Promise<Outcome> {
  const { pod } = context;
  for (const warning of generated(() => podDnsConfig(pod, services.dns())).warnings) {
    const event = { type: 'Warning', reason: warning.reason, message: warning.message } as const;
    if (warning.object === 'Pod') context.event(event);
    else services.nodeEvent?.(event);
  }
  services.sandboxConfigs.delete(`${pod.metadata?.uid}/${attempt}`);
  await ensureUserNamespace(services, pod).catch(cannotConfigure);
  const config = configOf(services, pod, attempt);
  if (attempt > 0) await services.cgroups.ensure(pod, true); // a cgroup that is gone is made again, with its limits
  const handler = services.runtimeHandler(pod);
  const id = await services.gate.run(
    ticket(context, 'sandbox'),
    () => services.cri.runPodSandbox(config, handler),
    context.signal,
  );
  const { status } = await services.cri.podSandboxStatus(id).catch((error) => {
    const words = `Unable to get pod sandbox status: ${errorMessage(error)}`;
    context.event({ type: 'Warning', reason: 'FailedPodSandBoxStatus', message: words });
    const message = `the new sandbox ${id} could not be read: ${errorMessage(error)}`;
    throw new UnsettledError(message, { code: UNREAD_SANDBOX, cause: error });
  });
  const listed = {
    id,
    attempt,
    ready: true,
    createdAt: status ? Number(BigInt(status.createdAt) / 1000n) / 1000 : services.clock.now().wall,
    runtimeHandler: handler,
  };
  const sandbox: ObservedSandbox = status
    ? detailedSandbox(listed, status)
    : { ...listed, ips: [], hostNetwork: false };
  return { seen: { sandbox } };
}

function generated<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    return cannotConfigure(error);
  }
}

function cannotConfigure(error: unknown): never {
  throw new KubeletError(errorMessage(error), { code: 'ConfigPodSandboxError', cause: error });
}

/** Kills what is left in the sandbox and returns its network. */
export async function stopSandbox(services: Services, { facts }: ActionContext, id: string): Promise<Outcome> {
  await unlessGone(() => services.cri.stopPodSandbox(id));
  const known = facts.runtime?.sandboxes.find((s) => s.id === id);
  return known ? { seen: { sandbox: { ...known, ready: false } } } : {};
}

/** RemovePodSandbox; one that the runtime does not know any more counts as removed. */
export async function removeSandbox(services: Services, context: ActionContext, id: string): Promise<Outcome> {
  await unlessGone(() => services.cri.removePodSandbox(id));
  const gone = context.facts.runtime?.sandboxes.find((s) => s.id === id);
  if (gone) services.sandboxConfigs.delete(`${context.facts.uid}/${gone.attempt}`);
  return { seen: { removedSandbox: id } };
}

/** Undo is safe without do: what the runtime does not know any more is undone. */
export async function unlessGone(call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
