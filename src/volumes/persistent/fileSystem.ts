// The file system of a disk that has become larger.
import type { KindHost } from './contract.ts';
import { diskFormat } from './mountPrograms.ts';

/** The kernel does it while the file system is in use; a large one takes its time. */
const GROW_MS = 3_600_000;

/** Grows the mounted file system of a device to the size of the device. Rejects in the words of Kubernetes' mount-utils. */
export async function growFileSystem(host: KindHost, device: string, mountPath: string): Promise<void> {
  const format = await diskFormat(host, device);
  if (format === '') return;
  const [program, args] = commandFor(format, device, mountPath);
  const { code, output, killed } = await host.run({ program, args, deadlineMs: GROW_MS });
  if (code === 0) return;
  const why = killed ? `no answer within ${GROW_MS / 1000}s` : `exit status ${code}`;
  throw new Error(`resize of device ${device} failed: ${why}. ${program} output: ${output}`);
}

function commandFor(format: string, device: string, mountPath: string): [program: string, args: string[]] {
  if (format === 'ext3' || format === 'ext4') return ['resize2fs', [device]];
  if (format === 'xfs') return ['xfs_growfs', ['-d', mountPath]];
  if (format === 'btrfs') return ['btrfs', ['filesystem', 'resize', 'max', mountPath]];
  throw new Error(
    `ResizeFS.Resize - resize of format ${format} is not supported for device ${device} mounted at ${mountPath}`,
  );
}
