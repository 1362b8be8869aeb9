import { rmdir } from 'node:fs/promises';
import { errnoCode, ignoring } from '../../lib/linux/linuxError.ts';
import { mountsBelow } from '../../lib/linux/mountInfo.ts';
import type { KindHost } from './contract.ts';

/** More stacked mounts than this on one path are a fault of ours, not of a volume. */
const MAX_STACKED = 64;
/** Kubelet's patience with umount of a network file system before it forces it. */
const UMOUNT_MS = 60_000;

/**
 * Unmounts a path with everything mounted on or below it, and removes the empty directory. Nothing in it is ever removed: if something is
 * still mounted, or there are files, the directory stays and it is an error. Safe without a mount, and without the path.
 */
export async function unmountAndRemove(host: KindHost, path: string): Promise<void> {
  await unmountAll(host, path);
  await ignoring(['ENOENT'], () => rmdir(path));
}

/** The same, and leaves the directory. */
export async function unmountAll(host: KindHost, path: string): Promise<void> {
  for (let count = 0; count < MAX_STACKED; count++) {
    try {
      await host.mounter.unmount(path);
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'EINVAL' || code === 'ENOENT') break;
      // Something that a container mounted and shared lies below.
      if (code !== 'EBUSY' || !(await unmountBelow(host, path))) throw error;
    }
  }
}

/** True if there was any. */
async function unmountBelow(host: KindHost, path: string): Promise<boolean> {
  const below = mountsBelow(await host.mounter.list(path), path).filter((entry) => entry.mountPoint !== path);
  for (const entry of below) await ignoring(['EINVAL', 'ENOENT'], () => host.mounter.unmount(entry.mountPath));
  return below.length > 0;
}

/**
 * The same for a network file system, whose server may be dead: by umount(8) without a look at the path, after a minute by force.
 * `progress` hears of one that the kernel holds.
 */
export async function unmountNetwork(
  host: KindHost,
  path: string,
  progress: (message: string | undefined) => void,
): Promise<void> {
  for (let count = 0; count < MAX_STACKED; count++) {
    const [deepest] = mountsBelow(await host.mounter.list(path), path);
    if (!deepest) break;
    await umount(host, deepest.mountPoint, progress);
  }
  await ignoring(['ENOENT'], () => rmdir(path));
}

async function umount(host: KindHost, path: string, progress: (message: string | undefined) => void): Promise<void> {
  // No helper and no look at the path: both would ask the server.
  const args = ['--internal-only', '--no-canonicalize', path];
  const onHeld = (pid: number) => progress(`umount of ${path} is held by the kernel (process ${pid})`);
  const request = { program: 'umount', deadlineMs: UMOUNT_MS, onHeld };
  const plain = await host.run({ ...request, args });
  if (plain.code === 0) return;
  const forced = await host.run({ ...request, args: ['--force', ...args] });
  progress(undefined);
  if (forced.code === 0) return;
  throw new Error(
    `unmount failed: exit status ${forced.code}\nUnmounting arguments: ${path}\nOutput: ${forced.output}`,
  );
}
