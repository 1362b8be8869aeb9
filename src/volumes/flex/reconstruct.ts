// What FlexVolume drivers have mounted, as found on disk. No driver is asked.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoring } from '../../lib/linux/linuxError.ts';
import type { FoundVolume } from '../persistent/contract.ts';
import { namesIn } from '../persistent/foundOnDisk.ts';
import { driverOfDirectory, FLEX_PLUGIN, isDriverName, programOf, uniqueNameOf } from './rules/names.ts';

/** Every FlexVolume of the node, staged or published. Only drivers that attach have a directory for a device, from before it is mounted until after. */
export async function reconstruct(root: string, pluginDir: string): Promise<FoundVolume[]> {
  const found = new Map<string, FoundVolume>();
  const add = (uniqueName: string, name: string, staged: boolean, pods: readonly string[]) => {
    const before = found.get(uniqueName);
    const more = { staged: staged || before?.staged === true, pods: [...(before?.pods ?? []), ...pods] };
    found.set(uniqueName, { uniqueName, name, mode: 'Filesystem', attachable: staged || more.staged, ...more });
  };
  for (const [driver, name] of await devices(join(root, 'plugins', FLEX_PLUGIN)))
    add(uniqueNameOf(driver, name, undefined), name, true, []);
  for (const uid of await namesIn(join(root, 'pods')))
    for (const directory of await namesIn(join(root, 'pods', uid, 'volumes'))) {
      const driver = driverOfDirectory(directory);
      if (driver === undefined || !(await isOurs(driver, pluginDir))) continue;
      for (const name of await namesIn(join(root, 'pods', uid, 'volumes', directory))) {
        const shared = uniqueNameOf(driver, name, undefined);
        add(found.has(shared) ? shared : uniqueNameOf(driver, name, uid), name, false, [uid]);
      }
    }
  return [...found.values()];
}

/** A plug-in of Kubernetes that this program does not know is none of a driver's, unless one of that name is there. */
async function isOurs(driver: string, pluginDir: string): Promise<boolean> {
  if (!driver.startsWith('kubernetes.io/')) return true;
  return (await ignoring(['ENOENT', 'ENOTDIR'], () => stat(programOf(pluginDir, driver)))) !== undefined;
}

/** Of `driver/mounts/name` and `vendor/driver/mounts/name`. */
async function devices(directory: string): Promise<[driver: string, name: string][]> {
  const found: [string, string][] = [];
  for (const first of await namesIn(directory))
    for (const second of await namesIn(join(directory, first))) {
      const [driver, place] =
        second === 'mounts' ? [first, join(first, second)] : [`${first}/${second}`, join(first, second, 'mounts')];
      if (!isDriverName(driver)) continue;
      for (const name of await namesIn(join(directory, place))) found.push([driver, name]);
    }
  return found;
}
