// Which disks are mounted and mapped, by what is on disk and in the mount table alone.
import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { allEntries } from '../../lib/linux/directoryEntries.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import { pluginDirectory } from '../paths.ts';
import type { FoundVolume, KindHost } from '../persistent/contract.ts';
import { foundShares, namesIn } from '../persistent/foundOnDisk.ts';

const BLOCK = 'volumeDevices';
/** What a disk's directory can be called: portals have colons and brackets. */
const DISK = /^[A-Za-z0-9][A-Za-z0-9._:[\]~-]*$/;

/** What an earlier process left of one kind of disks. */
export interface FoundDisks {
  readonly volumes: FoundVolume[];
  /** What Pods call them. */
  readonly shares: readonly { readonly uniqueName: string; readonly uid: string; readonly name: string }[];
}

/** Every such disk of the node. A Pod's directory or link that leads to no known disk is a volume of its own: it is only taken away. */
export async function reconstructDisks(
  host: KindHost,
  plugin: string,
  { depth, isAttached }: { readonly depth: 1 | 2; readonly isAttached: boolean },
): Promise<FoundDisks> {
  const root = join(host.root, 'plugins', plugin);
  const volumes = new Map<string, FoundVolume>();
  const add = (uniqueName: string, name: string, mode: FoundVolume['mode'], staged: boolean, uid?: string) => {
    const before = volumes.get(uniqueName);
    const pods = [...new Set([...(before?.pods ?? []), ...(uid === undefined ? [] : [uid])])];
    volumes.set(uniqueName, {
      uniqueName,
      name,
      mode,
      attachable: staged && isAttached,
      staged: staged || before?.staged === true,
      pods,
    });
  };
  const mounted = new Map<string, string>();
  const bound = new Map<number, string>();
  const mounts = new Map((await host.mounter.list(host.root)).map((entry) => [entry.mountPoint, entry.device]));
  for (const directory of await disks(root, depth)) {
    const uniqueName = `${plugin}/${directory}`;
    const device = mounts.get(join(root, directory));
    if (device !== undefined) mounted.set(device, uniqueName);
    add(uniqueName, directory, 'Filesystem', true);
  }
  for (const directory of await disks(join(root, BLOCK), depth)) {
    const uniqueName = `${plugin}/${directory}`;
    add(uniqueName, directory, 'Block', true);
    for (const uid of await namesIn(join(root, BLOCK, directory))) {
      const found = await ignoring(['ENOENT'], () => lstat(join(root, BLOCK, directory, uid)));
      if (!found || uid === 'iscsi.json') continue;
      if (found.isBlockDevice()) bound.set(found.rdev, uniqueName);
      add(uniqueName, directory, 'Block', true, uid);
    }
  }
  const shares: { uniqueName: string; uid: string; name: string }[] = [];
  for (const { uid, name, mode } of await foundShares(host.root, plugin)) {
    const place = join(host.root, 'pods', uid, mode === 'Block' ? BLOCK : 'volumes', pluginDirectory(plugin), name);
    const device = mode === 'Block' ? await ignoring(['ENOENT'], () => stat(place)) : undefined;
    const known = device ? bound.get(device.rdev) : mounted.get(mounts.get(place) ?? '');
    const uniqueName = known ?? `${plugin}/of-pod/${uid}/${name}`;
    add(uniqueName, name, mode, known !== undefined, uid);
    shares.push({ uniqueName, uid, name });
  }
  return { volumes: [...volumes.values()], shares };
}

async function disks(root: string, depth: number): Promise<string[]> {
  const entries = (await ignoring(['ENOENT', 'ENOTDIR'], () => allEntries(root))) ?? [];
  const found = entries.map(({ name }) => name.toString()).filter((name) => DISK.test(name) && name !== BLOCK);
  if (depth === 1) return found;
  const below = await Promise.all(
    found.map(async (name) => (await disks(join(root, name), depth - 1)).map((one) => join(name, one))),
  );
  return below.flat();
}
