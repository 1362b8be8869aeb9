import { realpath } from 'node:fs/promises';
import { errorMessage } from '../lib/errors.ts';
import type { Mounter } from '../lib/linux/mounter.ts';
import type { Logger } from '../lib/logger.ts';
import type { Node } from '../types/k8s.ts';
import { type OwnedVolumes, volumesInUse } from './rules/volumesInUse.ts';
import type { NodeStatusFacts } from './types.ts';

/**
 * What the Node's volumesInUse is to be. The mount table is looked at only while the Node shows one that nobody here owns: the kernel
 * writes the whole table each time. Rejects never; while nothing is known the field is left out, and the API keeps it.
 */
export async function readVolumesInUse(
  { status }: Node,
  owned: OwnedVolumes,
  mounter: Pick<Mounter, 'list'>,
  rootDir: string,
  log: Logger,
): Promise<Pick<NodeStatusFacts, 'volumesInUse'>> {
  const { inUse } = owned;
  if (inUse === undefined) return {};
  const shown = status?.volumesInUse ?? [];
  if (shown.every((name) => inUse.includes(name)))
    return shown.length + inUse.length > 0 ? { volumesInUse: inUse } : {};
  try {
    const found = volumesInUse(owned, shown, await mounter.list(), await realpath(rootDir));
    return found ? { volumesInUse: found } : {};
  } catch (error) {
    log.warn('The mount table cannot be read; the Node keeps its volumesInUse', { error: errorMessage(error) });
    return {};
  }
}
