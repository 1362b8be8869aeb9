// Volumes on disks behind iSCSI: the node logs in at their target.
import type { Clock } from '../../lib/clock.ts';
import { NameQueue } from '../../lib/nameQueue.ts';
import type { PersistentKind } from '../persistent/contract.ts';
import { chapSecretReference } from './chapSecret.ts';
import type { ScsiDevices } from './devices.ts';
import { DiskKind } from './diskKind.ts';
import type * as IscsiModules from './iscsi.ts';
import { diskDirectory, iscsiDisk, iscsiSource } from './rules/iscsiDisk.ts';

type IscsiModule = Pick<typeof IscsiModules, 'attachIscsi' | 'detachIscsi'>;

/** `isAttached`: there is a cluster that attaches them. `load`: what goes to the disks, which few nodes ever need. */
export function iscsiKind(
  scsi: ScsiDevices,
  clock: Clock,
  isAttached = true,
  load: () => Promise<IscsiModule> = () => import('./iscsi.ts'),
): PersistentKind {
  // By target, of which each volume may have its own: one that is idle is forgotten.
  const targets = new NameQueue();
  const alone: IscsiModules.Alone = (iqn, work) => targets.run(iqn, work);
  return new DiskKind({
    plugin: 'kubernetes.io/iscsi',
    isAttached,
    depth: 2,
    directory: (spec) => diskDirectory(iscsiDisk(spec)),
    reportedAs: (spec) => {
      const { targetPortal, iqn, lun } = iscsiSource(spec);
      return `${targetPortal}:${iqn}:${lun}`;
    },
    fsType: (spec) => iscsiSource(spec).fsType,
    references: (spec, pod) => {
      const reference = chapSecretReference(spec, pod);
      return reference ? [reference] : [];
    },
    attach: async (step, directory) => (await load()).attachIscsi(scsi, clock, alone, step, directory),
    detach: async (host, directory, mode) => (await load()).detachIscsi(scsi, alone, host, directory, mode),
  });
}
