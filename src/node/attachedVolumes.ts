import { realpath } from 'node:fs/promises';
import { errorMessage } from '../lib/errors.ts';
import type { Mounter } from '../lib/linux/mounter.ts';
import type { Logger } from '../lib/logger.ts';
import type { Node } from '../types/k8s.ts';
import { volumesInUse } from './rules/volumesInUse.ts';
import type { NodeFacts } from './types.ts';

/**
 * Whether the Node's volumesInUse may be emptied. Looks only while there is one: the kernel writes the whole mount table each time.
 * Rejects never; while nothing is known the field is left out, and the API keeps it.
 */
export async function readVolumesInUse(
  { status }: Node,
  mounter: Pick<Mounter, 'list'>,
  rootDir: string,
  log: Logger,
): Promise<Pick<NodeFacts, 'volumesInUse'>> {
  if (!status?.volumesInUse?.length) return {};
  try {
    const found = volumesInUse(await mounter.list(), await realpath(rootDir));
    return found ? { volumesInUse: found } : {};
  } catch (error) {
    log.warn('The mount table cannot be read; the Node keeps its volumesInUse', { error: errorMessage(error) });
    return {};
  }
}
