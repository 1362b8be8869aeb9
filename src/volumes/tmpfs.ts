import { errnoCode } from '../lib/linux/linuxError.ts';
import { ensureMount, type Made } from './directories.ts';
import type { VolumeHost } from './volumeType.ts';

interface TmpfsOptions {
  readonly path: string;
  /** Bytes; 0 leaves the kernel's default of half the memory. */
  readonly size: number;
  readonly group: number | undefined;
}

/** Hosts whose kernel refused `noswap`: before 6.4, or in a user namespace. */
const withoutNoswap = new WeakSet<VolumeHost['mounter']>();

/**
 * Mounts a tmpfs unless one is there. It is not swapped where the kernel can promise that, since it may hold secrets. Size, group
 * and mode are mount options, so there is no moment in which the volume is there and they are not.
 */
export async function ensureTmpfs(host: VolumeHost, options: TmpfsOptions): Promise<Made> {
  return ensureMount(host.mounter, options.path, async () => {
    if (!withoutNoswap.has(host.mounter)) {
      try {
        await mountTmpfs(host, options, ['noswap']);
        return;
      } catch (error) {
        if (!['EINVAL', 'EPERM'].includes(errnoCode(error) ?? '')) throw error;
      }
    }
    await mountTmpfs(host, options, []);
    if (withoutNoswap.has(host.mounter)) return;
    withoutNoswap.add(host.mounter);
    host.log.warn(
      'The kernel cannot keep tmpfs volumes out of swap (noswap needs Linux 6.4); turn swap off to protect secrets',
    );
  });
}

async function mountTmpfs(
  host: VolumeHost,
  { path, size, group }: TmpfsOptions,
  extra: readonly string[],
): Promise<void> {
  const options = [...(size > 0 ? [`size=${size}`] : []), ...extra];
  // 1777 is tmpfs's own default; a group adds the setgid bit.
  if (group !== undefined) options.push('mode=3777', `gid=${group}`);
  await host.mounter.mount({ source: 'tmpfs', target: path, fsType: 'tmpfs', data: options.join(',') });
}
