// Going to an iSCSI disk and leaving it: loaded when a volume first needs it.
import { readFile, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import { allEntries } from '../../lib/linux/directoryEntries.ts';
import { ignoring } from '../../lib/linux/linuxError.ts';
import { untilAborted } from '../../lib/untilAborted.ts';
import { writeAtomically } from '../../lib/writeAtomically.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import type { KindHost, VolumeIdentity, VolumeSpec, WantedStep } from '../persistent/contract.ts';
import { isInTable, mountPointDirectory } from '../persistent/mountPrograms.ts';
import { unmountAll } from '../persistent/unmount.ts';
import { volumeSecret } from '../persistent/volumeSecret.ts';
import { chapSecretReference } from './chapSecret.ts';
import type { ScsiDevices } from './devices.ts';
import { cloneInterface, failed, iscsiadm, logOut, transportIn } from './iscsiadm.ts';
import type { Chap } from './iscsiLogin.ts';
import { connect } from './iscsiPaths.ts';
import { flushMultipath } from './multipath.ts';
import { diskFile, type IscsiDisk, iscsiDisk, iscsiSource, readDisk } from './rules/iscsiDisk.ts';

const FILE = 'iscsi.json';

/** Runs work on a target that must not run beside other work on it: one volume must not log out while another logs in. */
export type Alone = <T>(iqn: string, work: () => Promise<T>) => Promise<T>;

/** Logs in at the disk's target, and gives its device. */
export async function attachIscsi(
  scsi: ScsiDevices,
  clock: Clock,
  alone: Alone,
  step: WantedStep,
  directory: string,
): Promise<string> {
  const disk = iscsiDisk(step.spec);
  const chap = chapOf(step.spec, step.pod, step.context.objects);
  const shown = await iscsiadm(step.host, '-m', 'iface', '-I', disk.initIface, '-o', 'show');
  if (shown.code !== 0) throw new Error(`iscsi: could not read iface ${disk.initIface} error: ${failed(shown)}`);
  const transport = transportIn(shown.output);
  if (transport === '') throw new Error(`could not parse iface file for ${disk.iface}`);
  const begun = Promise.withResolvers<void>();
  const { signal, progress } = step;
  const work = alone(disk.iqn, async () => {
    signal.throwIfAborted();
    begun.resolve();
    // Before anything is begun: killed in the middle, the next process knows what to end.
    await note(step, disk, directory);
    if (disk.initiatorName !== '') await cloneInterface(step.host, disk, shown.output);
    return connect(scsi, clock, step, disk, chap, transport);
  });
  // Who waits behind another volume's portals that do not answer may leave; who has begun finishes, as others count on it.
  progress(`other volumes of the node are being connected with or taken from iSCSI target ${disk.iqn}`);
  try {
    await untilAborted(Promise.race([begun.promise, work]), signal);
    return await work;
  } finally {
    progress(undefined);
    work.catch(() => {}); // of its turn that comes when nobody waits any more
  }
}

/** It says what `detachIscsi` is to undo. */
async function note({ host, volume }: WantedStep, disk: IscsiDisk, directory: string): Promise<void> {
  await mountPointDirectory(directory);
  if (volume.mode === 'Filesystem' && (await isInTable(host, directory))) return;
  await writeAtomically(join(directory, FILE), diskFile(disk));
}

/** Unmounts the directory, has the kernel forget the disk, logs out when nobody else of this node is on the target, and removes the directory. */
export async function detachIscsi(
  scsi: ScsiDevices,
  alone: Alone,
  host: KindHost,
  directory: string,
  mode: VolumeIdentity['mode'],
): Promise<void> {
  if (mode === 'Filesystem') await unmountAll(host, directory);
  const file = await ignoring(['ENOENT', 'ENOTDIR'], () => readFile(join(directory, FILE), 'utf8'));
  const there = file !== undefined || (await ignoring(['ENOENT'], () => allEntries(directory))) !== undefined;
  const disk = readDisk(directory, file);
  if (!there || !disk) return;
  await removeDisks(scsi, host, disk);
  await alone(disk.iqn, async () => {
    if ((await sessionUsers(directory, disk)) <= 1) await logOut(host, disk);
    // Nobody has to know any more: the directory was the last trace.
    await ignoring(['ENOENT'], () => unlink(join(directory, FILE)));
    await ignoring(['ENOENT'], () => rmdir(directory));
  });
}

async function removeDisks(scsi: ScsiDevices, host: KindHost, disk: IscsiDisk): Promise<void> {
  const disks = await scsi.disksOfLun(disk.iqn, disk.lun);
  const over = await Promise.all(disks.map((name) => scsi.multipathOf(join(scsi.dev, name))));
  const warn = (message: string, error: unknown) =>
    host.log.warn(message, { iqn: disk.iqn, error: errorMessage(error) });
  for (const device of new Set(over.filter((one) => one !== undefined)))
    await flushMultipath(host, device).catch((error) => warn('A multipath device could not be flushed', error));
  for (const name of disks)
    await scsi.forget(host, name).catch((error) => warn('A disk could not be taken from the kernel', error));
}

/** How many volumes of this node are on the target by the same portal: their session is one. */
async function sessionUsers(directory: string, { portals, iqn }: IscsiDisk): Promise<number> {
  const parts = directory.split('/');
  const root = parts.slice(0, parts.lastIndexOf('iscsi') + 1).join('/');
  let count = 0;
  for (const place of [root, join(root, 'volumeDevices')])
    for (const { name: iface } of (await ignoring(['ENOENT'], () => allEntries(place))) ?? []) {
      if (!iface.toString().startsWith('iface-')) continue;
      const volumes = (await ignoring(['ENOENT', 'ENOTDIR'], () => allEntries(join(place, iface.toString())))) ?? [];
      count += volumes.filter(({ name }) => name.toString().startsWith(`${portals[0]}-${iqn}-lun-`)).length;
    }
  return count;
}

function chapOf(spec: VolumeSpec, pod: StoredPod, objects: ObjectLookup): Chap {
  const { chapAuthDiscovery: discovery = false, chapAuthSession: session = false } = iscsiSource(spec);
  const reference = chapSecretReference(spec, pod);
  if (!reference) return { discovery, session, secret: {} };
  const { data = {} } = volumeSecret(reference, 'error', objects);
  const secret = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  return { discovery, session, secret: Object.fromEntries(secret) };
}
