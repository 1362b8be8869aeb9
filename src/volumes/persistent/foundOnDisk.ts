import { join } from 'node:path';
import { allEntries } from '../../lib/linux/directoryEntries.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import { isSafeName, pluginDirectory } from '../paths.ts';
import type { VolumeIdentity } from './contract.ts';

/** A Pod's directory or device link of one volume. */
export interface FoundShare {
  readonly uid: string;
  readonly name: string;
  readonly mode: VolumeIdentity['mode'];
}

/** Names in a directory that a volume or Pod can have; empty when there is none. Its entries are not looked at: one may be the mount of a dead server. */
export async function namesIn(directory: string): Promise<string[]> {
  const entries = (await ignoring(['ENOENT', 'ENOTDIR'], () => allEntries(directory))) ?? [];
  return entries.map(({ name }) => name.toString()).filter(isSafeName);
}

/** What Pods have of a plug-in's volumes, or may have: every directory that its volumes would be in. */
export async function foundShares(root: string, plugin: string): Promise<FoundShare[]> {
  const found: FoundShare[] = [];
  const places = [
    ['volumes', 'Filesystem'],
    ['volumeDevices', 'Block'],
  ] as const;
  for (const uid of await namesIn(join(root, 'pods')))
    for (const [place, mode] of places)
      for (const name of await namesIn(join(root, 'pods', uid, place, pluginDirectory(plugin))))
        found.push({ uid, name, mode });
  return found;
}
