import { join } from 'node:path';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { WantedStep } from '../persistent/contract.ts';
import type { ScsiDevices } from './devices.ts';
import { iscsiadm } from './iscsiadm.ts';
import { type Chap, logIn } from './iscsiLogin.ts';
import { deviceLink, type IscsiDisk } from './rules/iscsiDisk.ts';

/** Kubelet's numbers: rounds over the portals, paths that are enough for multipath, and the round from which they are. */
const ROUNDS = 5;
const ENOUGH_PATHS = 2;
const ENOUGH_ROUNDS = 2;
/** Looks for a device of a path, and for the multipath device over the paths, a second apart. */
const DEVICE_LOOKS = 30;
const MULTIPATH_LOOKS = 10;
const LOOK_MS = 1_000;

/** Logs in at the disk's portals, several times where not all answer, and gives its device. Rejects in kubelet's words when none does. */
export async function connect(
  scsi: ScsiDevices,
  clock: Clock,
  { host, signal, progress }: WantedStep,
  disk: IscsiDisk,
  chap: Chap,
  transport: string,
): Promise<string> {
  const found = new Map<string, string>();
  let last = '';
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      for (const portal of disk.portals) {
        if (found.has(portal)) continue;
        signal.throwIfAborted();
        try {
          progress(`the node logs in at iSCSI portal ${portal}`);
          const device = await path(scsi, clock, { host, signal }, disk, portal, chap, transport);
          found.set(portal, device);
        } catch (error) {
          signal.throwIfAborted();
          last = errorMessage(error);
        }
      }
      if (found.size === 0) {
        if (disk.initiatorName !== '') await iscsiadm(host, '-m', 'iface', '-I', disk.iface, '-o', 'delete');
        throw new Error(`failed to get any path for iscsi disk, last err seen:\n${last}`);
      }
      if (found.size === disk.portals.length || (found.size >= ENOUGH_PATHS && round >= ENOUGH_ROUNDS)) break;
    }
    return await diskOver(scsi, clock, { signal, progress }, disk, [...found.values()]);
  } finally {
    progress(undefined);
  }
}

/** The multipath device over the paths, waited for where there are several portals; without one the first path. */
async function diskOver(
  scsi: ScsiDevices,
  clock: Clock,
  { signal, progress }: Pick<WantedStep, 'signal' | 'progress'>,
  disk: IscsiDisk,
  devices: readonly string[],
): Promise<string> {
  const [first = ''] = devices;
  for (let look = 1; ; look++) {
    for (const device of devices) {
      const multipath = await scsi.multipathOf(device);
      if (multipath) return multipath;
    }
    if (look >= (disk.portals.length > 1 ? MULTIPATH_LOOKS : 1)) return first;
    progress('the multipath device of the iSCSI disk is waited for');
    await sleep(clock, LOOK_MS, signal);
  }
}

/** The device by way of one portal. */
async function path(
  scsi: ScsiDevices,
  clock: Clock,
  { host, signal }: Pick<WantedStep, 'host' | 'signal'>,
  disk: IscsiDisk,
  portal: string,
  chap: Chap,
  transport: string,
): Promise<string> {
  let number = (await scsi.portalHosts(disk.iqn)).get(portal);
  if (number === undefined) {
    await logIn(host, disk, portal, chap);
    number = (await scsi.portalHosts(disk.iqn)).get(portal);
  }
  if (number === undefined) throw new Error(`Could not get SCSI host number for portal ${portal} after logging in`);
  await scsi.scanLun(host, number, disk.lun);
  const link = deviceLink(disk, portal, transport);
  for (let look = 1; ; look++) {
    const name = (await scsi.links('by-path')).find((one) => link.test(one));
    if (name !== undefined) return join(scsi.dev, 'disk/by-path', name);
    if (look >= DEVICE_LOOKS)
      throw new Error(`Timed out waiting for device at path ${link.source} after ${DEVICE_LOOKS}s`);
    await sleep(clock, LOOK_MS, signal);
  }
}
