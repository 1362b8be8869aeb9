import { join } from 'node:path';
import type { LocalNode } from '../../node/localNode.ts';
import { subordinateIds } from '../../userns/subordinateIds.ts';
import { UserNamespaces } from '../../userns/userNamespaces.ts';
import type { Base } from './preflight.ts';

/**
 * Finds which ids the node may give to Pods with hostUsers: false, and who has some. Nothing of it can be put off until such a Pod comes:
 * kubelet too refuses the start with what is wrong.
 */
export function openUserNamespaces({ loaded, rootDir }: Base, node: LocalNode): Promise<UserNamespaces> {
  const { maxPods, userNamespaces } = loaded.config;
  return UserNamespaces.open({
    podsDir: join(rootDir, 'pods'),
    maxPods,
    ...(userNamespaces && { idsPerPod: userNamespaces.idsPerPod }),
    ids: (idsPerPod) => subordinateIds({ idsPerPod }),
    supports: (name) => {
      const { handlers = [] } = node.runtime.fact;
      if (handlers.length === 0) return false;
      return handlers.find((handler) => handler.name === name)?.userNamespaces;
    },
    random: Math.random,
  });
}
