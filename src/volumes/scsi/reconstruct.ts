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
  const found = new NodeDisks(host, plugin, isAttached);
  await found.readMounts();
  for (const directory of await disks(found.root, depth)) found.addMounted(directory);
  for (const directory of await disks(join(found.root, BLOCK), depth)) await found.addMapped(directory);
  const shares: { uniqueName: string; uid: string; name: string }[] = [];
  for (const share of await foundShares(host.root, plugin))
    shares.push({ uniqueName: await found.addShare(share), uid: share.uid, name: share.name });
  return { volumes: found.all(), shares };
}

/** The disks of one plug-in, as directories, mounts and devices tell of them. */
class NodeDisks {
  readonly root: string;
  readonly #host: KindHost;
  readonly #plugin: string;
  readonly #isAttached: boolean;
  readonly #volumes = new Map<string, FoundVolume>();
  /** Which volume is on a mounted device, and on one that is bound for a Pod. */
  readonly #mounted = new Map<string, string>();
  readonly #bound = new Map<number, string>();
  /** By mount point. */
  #mounts = new Map<string, string>();

  constructor(host: KindHost, plugin: string, isAttached: boolean) {
    this.root = join(host.root, 'plugins', plugin);
    this.#host = host;
    this.#plugin = plugin;
    this.#isAttached = isAttached;
  }

  async readMounts(): Promise<void> {
    const mounts = await this.#host.mounter.list(this.#host.root);
    this.#mounts = new Map(mounts.map((entry) => [entry.mountPoint, entry.device]));
  }

  addMounted(directory: string): void {
    const uniqueName = `${this.#plugin}/${directory}`;
    const device = this.#mounts.get(join(this.root, directory));
    if (device !== undefined) this.#mounted.set(device, uniqueName);
    this.#add(uniqueName, directory, 'Filesystem', true);
  }

  async addMapped(directory: string): Promise<void> {
    const uniqueName = `${this.#plugin}/${directory}`;
    this.#add(uniqueName, directory, 'Block', true);
    for (const uid of await namesIn(join(this.root, BLOCK, directory))) {
      const found = await ignoring(['ENOENT'], () => lstat(join(this.root, BLOCK, directory, uid)));
      if (!found || uid === 'iscsi.json') continue;
      if (found.isBlockDevice()) this.#bound.set(found.rdev, uniqueName);
      this.#add(uniqueName, directory, 'Block', true, uid);
    }
  }

  /** What a Pod has; gives the unique name of the disk behind it. */
  async addShare({ uid, name, mode }: Awaited<ReturnType<typeof foundShares>>[number]): Promise<string> {
    const kind = mode === 'Block' ? BLOCK : 'volumes';
    const place = join(this.#host.root, 'pods', uid, kind, pluginDirectory(this.#plugin), name);
    const device = mode === 'Block' ? await ignoring(['ENOENT'], () => stat(place)) : undefined;
    const known = device ? this.#bound.get(device.rdev) : this.#mounted.get(this.#mounts.get(place) ?? '');
    const uniqueName = known ?? `${this.#plugin}/of-pod/${uid}/${name}`;
    this.#add(uniqueName, name, mode, known !== undefined, uid);
    return uniqueName;
  }

  all(): FoundVolume[] {
    return [...this.#volumes.values()];
  }

  #add(uniqueName: string, name: string, mode: FoundVolume['mode'], staged: boolean, uid?: string): void {
    const before = this.#volumes.get(uniqueName);
    const pods = [...new Set([...(before?.pods ?? []), ...(uid === undefined ? [] : [uid])])];
    this.#volumes.set(uniqueName, {
      ...{ uniqueName, name, mode, pods },
      attachable: staged && this.#isAttached,
      staged: staged || before?.staged === true,
    });
  }
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
