import type { NamespaceOption, UserNamespace } from '../../cri/generated/runtime.ts';
import type { Pod } from '../../types/k8s.ts';
import type { UserNamespaceIds } from '../../userns/rules/mappingsFile.ts';
import { SpecError } from './specError.ts';

/**
 * The namespaces of the sandbox, which are the container's as well. A container's process namespace is its own unless the Pod
 * shares one; `ids` is needed only with hostUsers: false.
 */
export function namespaceOptions(pod: Pod, ids: UserNamespaceIds | null): NamespaceOption {
  const spec = pod.spec;
  return {
    network: spec?.hostNetwork ? 'NODE' : 'POD',
    pid: spec?.hostPID ? 'NODE' : spec?.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ipc: spec?.hostIPC ? 'NODE' : 'POD',
    usernsOptions: userNamespace(pod, ids),
  };
}

/** hostUsers: false needs ids; without the field or with true, the node's user namespace is asked for in so many words. */
function userNamespace(pod: Pod, ids: UserNamespaceIds | null): UserNamespace {
  if (pod.spec?.hostUsers !== false) return { mode: 'NODE' };
  if (!ids) throw new SpecError("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
  return { mode: 'POD', uids: [...ids.uids], gids: [...ids.gids] };
}
