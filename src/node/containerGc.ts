import { isNotFound } from '../cri/error.ts';
import type { ContainerOut, PodSandboxOut } from '../cri/generated/runtime.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { findLeftovers } from './rules/leftovers.ts';

/** The runtime calls of garbage collection; `Cri` satisfies it. */
export interface LeftoverService {
  listContainers(): Promise<ContainerOut[]>;
  listPodSandbox(): Promise<PodSandboxOut[]>;
  removeContainer(id: string): Promise<void>;
  stopPodSandbox(id: string): Promise<void>;
  removePodSandbox(id: string): Promise<void>;
}

/**
 * Removes from the runtime what Pods have left that are gone (see `findLeftovers`). Call it only after every source has
 * reported. One at a time, so that it never competes with the start of a Pod. Rejects if the lists cannot be read or the
 * signal aborts; a single removal that fails is logged and left to the next run. Returns how many things it removed.
 */
export async function removeLeftovers(
  service: LeftoverService,
  isGone: (podUid: string) => boolean,
  logger: Logger,
  signal?: AbortSignal,
): Promise<number> {
  // Containers first: a sandbox made in between has no container in this list, but it is ready, and stays for that reason.
  const containers = await service.listContainers();
  const sandboxes = await service.listPodSandbox();
  const leftovers = findLeftovers(containers, sandboxes, isGone);
  let removed = 0;
  const attempt = async (what: string, id: string, remove: () => Promise<void>) => {
    signal?.throwIfAborted();
    try {
      await remove();
      removed += 1;
    } catch (error) {
      if (!isNotFound(error))
        logger.warn(`Could not remove a dead ${what}; it is tried again`, { id, error: errorMessage(error) });
    }
  };
  for (const id of leftovers.containers) await attempt('container', id, () => service.removeContainer(id));
  for (const id of leftovers.sandboxes) {
    await attempt('sandbox', id, async () => {
      await service.stopPodSandbox(id); // frees its address: a dead sandbox may still hold one
      await service.removePodSandbox(id);
    });
  }
  return removed;
}
