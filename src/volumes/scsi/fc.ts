// Finding a Fibre Channel disk and letting it go: loaded when a volume first needs it.
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoring } from '../../lib/linux/linuxError.ts';
import type { KindHost, VolumeIdentity, WantedStep } from '../persistent/contract.ts';
import { unmountAndRemove } from '../persistent/unmount.ts';
import type { ScsiDevices } from './devices.ts';
import { flushMultipath } from './multipath.ts';
import { type FcDisk, fcDisk } from './rules/fcDisk.ts';

const FLUSH_MS = 60_000;

/** The device of the disk; the kernel is told to look for it where udev does not show it. */
export async function attachFc(scsi: ScsiDevices, { spec, host }: WantedStep): Promise<string> {
  const disk = fcDisk(spec);
  let found = await search(scsi, disk);
  if (!found?.multipath) {
    await scsi.scanAll(host);
    found = (await search(scsi, disk)) ?? found;
  }
  if (found) return found.multipath ?? found.device;
  if (!(await scsi.has('fc_host')))
    throw new Error('no fc disk found: this node has no Fibre Channel host adapter (/sys/class/fc_host)');
  throw new Error('no fc disk found');
}

/** Unmounts the directory and has the kernel forget the disk. `leaving`: disks that are unmounted and not let go yet, by directory. */
export async function detachFc(
  scsi: ScsiDevices,
  leaving: Map<string, string>,
  host: KindHost,
  directory: string,
  mode: VolumeIdentity['mode'],
): Promise<void> {
  const mounted = async () =>
    (await host.mounter.list(directory)).findLast(({ mountPoint }) => mountPoint === directory)?.source;
  const device =
    mode === 'Block'
      ? await linked(scsi, directory.slice(directory.lastIndexOf('/') + 1))
      : ((await mounted()) ?? leaving.get(directory));
  if (device !== undefined) leaving.set(directory, device);
  if (mode === 'Filesystem') await unmountAndRemove(host, directory);
  if (device !== undefined) await letGo(host, scsi, device);
  leaving.delete(directory);
  if (mode === 'Block') await ignoring(['ENOENT', 'ENOTEMPTY'], () => rmdir(directory));
}

async function search(
  scsi: ScsiDevices,
  disk: FcDisk,
): Promise<{ readonly device: string; readonly multipath: string | undefined } | undefined> {
  const names = await scsi.links('wwns' in disk ? 'by-path' : 'by-id');
  let last: { device: string; multipath: string | undefined } | undefined;
  for (const id of 'wwns' in disk ? disk.wwns : disk.wwids) {
    const isIt = (name: string) =>
      'wwns' in disk
        ? /^(?:pci-.*-fc|fc)$/.test(name.slice(0, -`-0x${id}-lun-${disk.lun}`.length)) &&
          name.endsWith(`-0x${id}-lun-${disk.lun}`)
        : name === `scsi-${id}`;
    const link = names.find(isIt);
    const path = link && join(scsi.dev, 'disk', 'wwns' in disk ? 'by-path' : 'by-id', link);
    const found = path && (await scsi.diskAt(path));
    if (!found) continue;
    const device = join(scsi.dev, found);
    last = { device, multipath: await scsi.multipathOf(device) };
    if (last.multipath) return last;
  }
  return last;
}

/** By the volume's directory alone, as after a restart. */
async function linked(scsi: ScsiDevices, directory: string): Promise<string | undefined> {
  const place = directory.includes('-lun-') ? 'by-path' : 'by-id';
  // As it was found: a name that another disk's ends with must not have that one forgotten.
  const link = (await scsi.links(place)).find((name) =>
    place === 'by-path' ? name.endsWith(`-0x${directory}`) : name === `scsi-${directory}`,
  );
  const disk = link && (await scsi.diskAt(join(scsi.dev, 'disk', place, link)));
  const device = disk ? join(scsi.dev, disk) : undefined;
  return device && ((await scsi.multipathOf(device)) ?? device);
}

/** The kernel forgets the disk, and every path to it. */
async function letGo(host: KindHost, scsi: ScsiDevices, device: string): Promise<void> {
  const disk = await scsi.diskAt(device);
  if (disk === undefined) return;
  const isMultipath = disk.startsWith('dm-');
  const disks = isMultipath ? await scsi.slavesOf(join(scsi.dev, disk)) : [disk];
  if (isMultipath) await flushMultipath(host, join(scsi.dev, disk));
  for (const one of disks) {
    // Without blockdev, and after its failure, the disk goes all the same: its file system is unmounted.
    const request = { program: 'blockdev', args: ['--flushbufs', join(scsi.dev, one)], deadlineMs: FLUSH_MS };
    await host.run(request).catch(() => undefined);
    await scsi.forget(host, one);
  }
}
