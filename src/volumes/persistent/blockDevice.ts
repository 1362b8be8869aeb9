import { lstat, mkdir, open, realpath, rm, rmdir, stat, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { goSystemError } from '../../k8s/goText.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import { MountFlag } from '../../lib/linux/mounter.ts';
import { podDevicePath } from '../paths.ts';
import type { KindHost, PersistentKind, VolumeIdentity } from './contract.ts';

const DIRECTORY_MODE = 0o750;

/** Where a block device can be found for one Pod. */
export interface MappedPaths {
  /** Directory of the volume with one bind mount of the device for each Pod. */
  readonly global: string;
  /** Directory of the Pod's links of this plugin. */
  readonly directory: string;
  /** The Pod's link to the device: what its containers are given. */
  readonly link: string;
}

function pathsOf(host: KindHost, kind: PersistentKind, volume: VolumeIdentity, uid: string): MappedPaths {
  const link = podDevicePath(host.root, uid, kind.plugin, volume.name);
  return { global: kind.deviceMapDirectory!(host, volume), directory: dirname(link), link };
}

/** Where a path leads to, links resolved. Rejects in Go's words. */
export async function deviceAt(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw new Error(goSystemError('lstat', error, path), { cause: error });
  }
}

/**
 * As every kubelet lays a block volume out: the device bound below the plug-in's directory under the Pod's UID, and a link to the device
 * in the Pod's directory. Again is harmless; a link of before a reboot is replaced.
 */
export async function mapDevice(
  host: KindHost,
  kind: PersistentKind,
  volume: VolumeIdentity,
  uid: string,
  device: string,
): Promise<MappedPaths> {
  if (!(await stat(device)).isBlockDevice()) throw new Error(`${device} is not a block device`);
  const paths = pathsOf(host, kind, volume, uid);
  await mkdir(paths.global, { recursive: true, mode: DIRECTORY_MODE });
  const bound = join(paths.global, uid);
  if (!(await ignoring(['ENOENT'], () => stat(bound)))?.isBlockDevice()) {
    await (await open(bound, 'a', DIRECTORY_MODE)).close();
    await host.mounter.mount({ source: device, target: bound, fsType: null, flags: MountFlag.bind });
  }
  await mkdir(paths.directory, { recursive: true, mode: DIRECTORY_MODE });
  await ignoring(['ENOENT'], () => unlink(paths.link));
  await symlink(device, paths.link);
  return paths;
}

/** Undoes it, from the disk alone. The device itself is never touched. */
export async function unmapDevice(
  host: KindHost,
  kind: PersistentKind,
  volume: VolumeIdentity,
  uid: string,
): Promise<void> {
  const { global, directory, link } = pathsOf(host, kind, volume, uid);
  if ((await ignoring(['ENOENT'], () => lstat(link)))?.isSymbolicLink()) await unlink(link);
  await ignoring(['ENOENT', 'ENOTEMPTY'], () => rmdir(directory));
  const bound = join(global, uid);
  await ignoring(['EINVAL', 'ENOENT'], () => host.mounter.unmount(bound));
  await rm(bound, { force: true });
  await ignoring(['ENOENT', 'ENOTEMPTY'], () => rmdir(global));
}
