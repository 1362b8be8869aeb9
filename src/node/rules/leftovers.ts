import type { ContainerOut, PodSandboxOut } from '../../cri/generated/runtime.ts';

/** Label of kubelet 1.36 that says which Pod a container belongs to. */
const POD_UID = 'io.kubernetes.pod.uid';

/** What may be removed from the runtime. */
export interface Leftovers {
  readonly containers: readonly string[];
  readonly sandboxes: readonly string[];
}

/**
 * Dead containers and sandboxes of Pods that are gone for good. `isGone` must be false for every Pod that has a worker: its
 * worker alone removes things then. A sandbox goes only when it is dead and all its containers go too, so that nothing is
 * pulled away from under a container that still runs.
 */
export function findLeftovers(
  containers: readonly ContainerOut[],
  sandboxes: readonly PodSandboxOut[],
  isGone: (podUid: string) => boolean,
): Leftovers {
  const uidOfSandbox = new Map(
    sandboxes.map(({ id, metadata, labels }) => [id, metadata?.uid || labels[POD_UID] || '']),
  );
  const removable = (container: ContainerOut) => {
    const uid = container.labels[POD_UID] || uidOfSandbox.get(container.podSandboxId) || '';
    // CREATED is left alone: its start may be under way.
    return uid !== '' && container.state === 'CONTAINER_EXITED' && isGone(uid);
  };
  const occupied = new Set(containers.filter((one) => !removable(one)).map(({ podSandboxId }) => podSandboxId));
  const dead = sandboxes.filter(({ id, state }) => {
    const uid = uidOfSandbox.get(id)!;
    return uid !== '' && state === 'SANDBOX_NOTREADY' && !occupied.has(id) && isGone(uid);
  });
  return { containers: containers.filter(removable).map(({ id }) => id), sandboxes: dead.map(({ id }) => id) };
}

/** The Pod UID in the name of a log directory (`namespace_name_uid`); undefined if it is none of kubelet's. */
export function podUidOfLogDirectory(name: string): string | undefined {
  const parts = name.split('_');
  return parts.length === 3 && parts.every((part) => part !== '') ? parts[2] : undefined;
}

/** The container id in the name of a link in /var/log/containers (`pod_namespace_container-id.log`). */
export function containerIdOfLogLink(name: string): string | undefined {
  return /-([^-]{6,})\.log$/.exec(name)?.[1];
}
