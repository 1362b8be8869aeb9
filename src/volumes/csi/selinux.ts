// Whether the runtime may label the files of a volume for the Pod's containers.
import { stat } from 'node:fs/promises';
import type { Mounter } from '../../lib/linux/mounter.ts';

let isHost: Promise<boolean> | undefined;

/** Whether this machine's kernel enforces or logs SELinux rules. It does so from its start on, or never. */
export function hasSELinux(): Promise<boolean> {
  isHost ??= stat('/sys/fs/selinux/enforce').then(
    () => true,
    () => false,
  );
  return isHost;
}

/** Whether the file system at this mount keeps a label for each file; network file systems do not, and labelling them fails. By the mount table alone. */
export async function takesLabels(
  mounter: Pick<Mounter, 'list'>,
  path: string,
  host: () => Promise<boolean> = hasSELinux,
): Promise<boolean> {
  if (!(await host())) return false;
  const entry = (await mounter.list(path)).findLast(({ mountPoint }) => mountPoint === path);
  return entry !== undefined && [...entry.options, ...entry.superOptions].includes('seclabel');
}
