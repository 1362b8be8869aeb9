// Volumes on disks behind Fibre Channel: the kernel finds them, udev names them.
import type { PersistentKind } from '../persistent/contract.ts';
import type { ScsiDevices } from './devices.ts';
import { DiskKind } from './diskKind.ts';
import type * as FcModules from './fc.ts';
import { fcDirectory, fcDisk, fcSource } from './rules/fcDisk.ts';

type FcModule = Pick<typeof FcModules, 'attachFc' | 'detachFc'>;

/** `isAttached`: there is a cluster that attaches them. `load`: what goes to the disks, which few nodes ever need. */
export function fcKind(
  scsi: ScsiDevices,
  isAttached = true,
  load: () => Promise<FcModule> = () => import('./fc.ts'),
): PersistentKind {
  /** Unmounted, and not let go yet: the mount table does not tell any more. */
  const leaving = new Map<string, string>();
  return new DiskKind({
    plugin: 'kubernetes.io/fc',
    isAttached,
    depth: 1,
    directory: (spec) => fcDirectory(fcDisk(spec)),
    reportedAs: (spec) => {
      const { targetWWNs = [], lun, wwids = [] } = fcSource(spec);
      return targetWWNs.length > 0 && lun !== undefined ? `[${targetWWNs.join(' ')}]:${lun}` : `[${wwids.join(' ')}]`;
    },
    fsType: (spec) => fcSource(spec).fsType,
    attach: async (step) => (await load()).attachFc(scsi, step),
    detach: async (host, directory, mode) => (await load()).detachFc(scsi, leaving, host, directory, mode),
  });
}
