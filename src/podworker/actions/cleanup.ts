import { join } from 'node:path';
import { removeTree } from '../../lib/linux/removeTree.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { podLogDirectory } from '../spec/logPaths.ts';
import type { Services } from './services.ts';

/** Ends the Pod's cgroup with whatever is left in it. From then on nobody has its ids, and another Pod may. */
export async function removeCgroup(services: Services, { pod, facts }: ActionContext): Promise<Outcome> {
  await services.cgroups.remove(pod);
  await services.userNamespaces.release(facts.uid);
  return {};
}

/** Removes the Pod's directory and logs once nothing uses them. Volumes were taken down before: unmountAll leaves none. */
export async function removePodFiles(services: Services, { pod, facts, signal }: ActionContext): Promise<Outcome> {
  await services.volumes.unmountAll(facts.uid, signal);
  await Promise.all([
    // Not over mounts: one that was left would be emptied.
    removeTree(join(services.podsDir, facts.uid), signal),
    removeTree(podLogDirectory(services.spec.podLogsRoot, pod), signal),
    services.checkpoints.remove(facts.uid),
  ]);
  await services.userNamespaces.release(facts.uid);
  services.images.forget(facts.uid);
  for (const key of services.sandboxConfigs.keys())
    if (key.startsWith(`${facts.uid}/`)) services.sandboxConfigs.delete(key);
  return {};
}
